// swift-tools-version:5.4
// From 5.5 on executables get a main function of another name, and libFuzzer brings its own.

import PackageDescription

/// Readers of bytes from outside, each fuzzed by a program of its own.
let readers = ["ONNX", "Safetensors", "NPY", "NPZ", "IDX", "Card", "Directory", "Blocks", "Container"]

/// Built by `run.sh`, which adds libFuzzer; see README.md.
let package = Package(
    name: "pith-fuzz",
    platforms: [.macOS("15.0")],
    dependencies: [.package(name: "pith", path: "..")],
    targets: [
        .executableTarget(
            name: "Seeds", dependencies: [.product(name: "PithHostileInput", package: "pith")])
    ]
        + readers.map { reader in
            .executableTarget(
                name: "Fuzz\(reader)", dependencies: [.product(name: "PithHostileInput", package: "pith")],
                swiftSettings: [.unsafeFlags(["-parse-as-library"])])
        }
)
