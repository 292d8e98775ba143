import ArgumentParser
import PithCompression
import PithReport

struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes",
        abstract: "List the built-in recipes, or show one as YAML to copy and edit.",
        discussion: "Example: pith recipes show int8 > mine.yaml",
        subcommands: [ListRecipes.self, ShowRecipe.self],
        defaultSubcommand: ListRecipes.self)
}

struct ListRecipes: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the built-in recipes.")

    @OptionGroup var shared: SharedOptions

    private struct Entry: Encodable {
        let name: String
        let summary: String
    }

    func run() throws {
        let entries = Recipe.builtIn.map { Entry(name: $0.name, summary: Recipe.summary(of: $0.name)) }
        switch shared.format {
        case .text:
            let width = entries.map(\.name.count).max() ?? 0
            try Console.print(
                entries.map { "\($0.name.padding(to: width))  \($0.summary)" }.joined(separator: "\n"))
        case .json: try Console.print(JSONText.encode(entries))
        }
    }
}

struct ShowRecipe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a recipe with every setting written out.")

    @Argument(help: "Name of a built-in recipe, or the path of a YAML file.")
    var name: String

    @OptionGroup var shared: SharedOptions

    func run() throws {
        let recipe = try Recipe.named(name)
        switch shared.format {
        case .text: try Console.print(recipe.yaml.trimmedEnd)
        case .json: try Console.print(JSONText.encode(recipe))
        }
    }
}
