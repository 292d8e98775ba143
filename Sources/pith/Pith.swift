import ArgumentParser

@main
struct Pith: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make trained neural networks small and fast, and prove what it did.")
}
