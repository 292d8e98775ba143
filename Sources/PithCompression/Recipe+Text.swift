import Foundation
import PithFormats

extension Recipe {
    /// Finds a recipe by the name of a built-in one, or reads the YAML (or JSON) file at that path.
    ///
    /// - Throws: `CompressionError` `.unknownRecipe` for an unknown name, others for a recipe that can not be followed;
    ///   `FormatError` for a file that can not be read.
    public static func named(_ nameOrPath: String) throws -> Recipe {
        if let recipe = builtIn.first(where: { $0.name == nameOrPath }) { return recipe }
        guard FileManager.default.fileExists(atPath: nameOrPath) else {
            throw CompressionError(
                code: .unknownRecipe, subject: nameOrPath, problem: "there is no recipe and no file of this name.",
                remedy: "Recipes: \(builtIn.map(\.name).joined(separator: ", ")); or give the path of a YAML file.")
        }
        var recipe = try Recipe(configuration: YAMLDocument.read(path: nameOrPath), subject: nameOrPath)
        if recipe.name.isEmpty {
            recipe.name = URL(fileURLWithPath: nameOrPath).deletingPathExtension().lastPathComponent
        }
        return recipe
    }

    /// Reads a recipe from YAML or JSON text.
    ///
    /// - Throws: `CompressionError` or `FormatError`, naming the key at fault.
    public init(text: String, subject: String = "recipe") throws {
        try self.init(configuration: YAMLDocument.parse(text, named: subject), subject: subject)
    }

    private init(configuration: ConfigurationValue, subject: String) throws {
        let value = JSONValue(configuration)
        guard case .object = value else {
            throw CompressionError(
                code: .invalidRecipe, subject: subject, problem: "it is no map with `version` and `stages`.",
                remedy: "Copy one from `pith recipes show int8`.")
        }
        if let key = value.nonFiniteKey() {
            throw CompressionError(
                code: .invalidSetting, subject: "\(subject): \(key)", problem: "its number is not finite.",
                remedy: "Give a number.")
        }
        do {
            self = try JSONDecoder().decode(Recipe.self, from: JSONEncoder().encode(value))
        } catch let error as CompressionError {
            throw CompressionError(
                code: error.code, subject: "\(subject): \(error.subject)", problem: error.problem, remedy: error.remedy)
        }
    }

    /// The recipe as YAML, with every setting written out.
    public var yaml: String {
        get throws {
            let stages = try stages.map { stage -> ConfigurationValue in
                guard case .object(var fields) = try JSONValue(encoding: stage) else { return .null }
                let technique = fields.removeValue(forKey: "technique") ?? .null
                var map = ConfigurationMap([ConfigurationMap.Entry(key: "technique", value: technique.configuration)])
                for (key, value) in fields.sorted(by: { $0.key < $1.key }) { map[key] = value.configuration }
                return .map(map)
            }
            var map = ConfigurationMap()
            map["version"] = .integer(Recipe.currentVersion)
            if !name.isEmpty { map["name"] = .string(name) }
            map["stages"] = .list(stages)
            return try YAMLDocument.text(of: .map(map))
        }
    }
}

extension JSONValue {
    /// The JSON form of a configuration value.
    init(_ value: ConfigurationValue) {
        switch value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .number(number)
        case .string(let string): self = .string(string)
        case .list(let values): self = .array(values.map { JSONValue($0) })
        case .map(let map):
            self = .object(Dictionary(map.entries.map { ($0.key, JSONValue($0.value)) }) { first, _ in first })
        }
    }

    /// The configuration form, with keys in order.
    var configuration: ConfigurationValue {
        switch self {
        case .null: .null
        case .bool(let bool): .bool(bool)
        case .integer(let integer): .integer(integer)
        case .number(let number): .number(number)
        case .string(let string): .string(string)
        case .array(let values): .list(values.map(\.configuration))
        case .object(let fields):
            .map(
                ConfigurationMap(
                    fields.sorted { $0.key < $1.key }.map {
                        ConfigurationMap.Entry(key: $0.key, value: $0.value.configuration)
                    }))
        }
    }
}
