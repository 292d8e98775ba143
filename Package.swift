// swift-tools-version: 6.2

import PackageDescription

/// Settings of every hand-written Swift target.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Targets, bottom-up: each may use those above it in this list only.
let package = Package(
    name: "pith",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "PithCompression", targets: ["PithCompression"]),
        .library(name: "PithReader", targets: ["PithReader"]),
        .executable(name: "pith", targets: ["pith"]),
        // Used by nothing but Fuzz/, a package of its own.
        .library(name: "PithHostileInput", targets: ["PithHostileInput"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "CPithKernels"),
        .target(name: "CDigits"),
        .target(name: "CONNXRuntime", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        // For programs that only read containers: plain Swift, without C or any other target.
        .target(name: "PithReader", swiftSettings: strict),
        .target(name: "PithTensor", dependencies: ["CPithKernels"], swiftSettings: strict),
        .target(name: "PithModel", dependencies: ["PithTensor"], swiftSettings: strict),
        .target(
            name: "PithCoding",
            dependencies: ["CZlib", "CPithKernels", "PithTensor", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "ONNXSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["onnx.proto", "README.md"]),
        .target(
            name: "PithFormats",
            dependencies: [
                "PithTensor", "PithModel", "PithCoding", "ONNXSchema",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .target(
            name: "PithRuntime", dependencies: ["CONNXRuntime", "PithTensor", "PithModel"], swiftSettings: strict),
        .target(
            name: "PithEvaluation", dependencies: ["PithTensor", "PithModel", "PithFormats", "PithRuntime"],
            swiftSettings: strict),
        .target(
            name: "PithCompression",
            dependencies: ["PithTensor", "PithModel", "PithCoding", "PithFormats", "PithRuntime", "PithEvaluation"],
            swiftSettings: strict),
        .target(
            name: "PithReport",
            dependencies: [
                "PithTensor", "PithModel", "PithFormats", "PithRuntime", "PithEvaluation", "PithCompression",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "pith",
            dependencies: [
                "CDigits", "PithTensor", "PithModel", "PithCoding", "PithFormats", "PithRuntime", "PithEvaluation",
                "PithCompression", "PithReport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .target(
            name: "PithTestSupport", dependencies: ["PithReader", "PithTensor"], path: "Tests/PithTestSupport",
            swiftSettings: strict),
        .target(
            name: "PithHostileInput",
            dependencies: ["PithReader", "PithTensor", "PithModel", "PithCoding", "PithFormats"],
            path: "Tests/PithHostileInput", swiftSettings: strict),
        .testTarget(name: "PithReaderTests", dependencies: ["PithReader"], swiftSettings: strict),
        .testTarget(
            name: "PithTensorTests", dependencies: ["PithTensor", "PithTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PithModelTests", dependencies: ["PithTensor", "PithModel", "PithTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PithCodingTests", dependencies: ["CPithKernels", "PithTensor", "PithCoding", "PithTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PithFormatsTests",
            dependencies: [
                "PithTensor", "PithModel", "PithCoding", "PithFormats", "PithRuntime", "PithTestSupport",
                "PithHostileInput",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PithRuntimeTests", dependencies: ["PithTensor", "PithModel", "PithRuntime", "PithTestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PithEvaluationTests",
            dependencies: [
                "PithTensor", "PithModel", "PithFormats", "PithRuntime", "PithEvaluation", "PithTestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PithCompressionTests",
            dependencies: [
                "PithTensor", "PithModel", "PithCoding", "PithFormats", "PithRuntime", "PithEvaluation",
                "PithCompression", "PithTestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "PithConformance",
            dependencies: ["PithTensor", "PithModel", "PithFormats", "PithCompression", "PithTestSupport"],
            exclude: ["Vectors"], swiftSettings: strict),
        .testTarget(
            name: "PithCommandTests", dependencies: ["PithTensor", "PithModel", "PithFormats", "PithTestSupport"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

var listed: Set<String> = []
for target in package.targets {
    for case .byNameItem(let name, _) in target.dependencies {
        precondition(listed.contains(name), "\(target.name) is listed below \(name), so it cannot use it.")
    }
    listed.insert(target.name)
}
