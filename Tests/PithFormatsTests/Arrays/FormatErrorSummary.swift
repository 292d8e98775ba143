import PithFormats

/// A refusal as tests look at it: its code, and its words in one string.
struct FormatErrorSummary: Equatable {
    let code: FormatError.Code
    let text: String

    init?(_ error: any Error) {
        guard let error = error as? FormatError else { return nil }
        code = error.code
        text = error.description
    }

    /// Whether the words hold all of `parts`.
    func says(_ parts: String...) -> Bool { parts.allSatisfy(text.contains) }
}
