import ArgumentParser
import Foundation
import PithCoding
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Exit codes: 0 done; 1 the work failed or a promise could not be kept; 2 bad usage; 3 bad input file.
enum ExitStatus: Int32 {
    case done = 0
    case failed = 1
    case usage = 2
    case input = 3

    /// The code for an error.
    init(for error: any Error) {
        switch error {
        case let error as FormatError:
            self = error.code == .unwritable ? .failed : error.code == .notInFile ? .usage : .input
        case is TensorError, is ModelError, is CodingError: self = .input
        case let error as RuntimeError:
            self = error.code == .invalidModel || error.code == .invalidInput ? .input : .failed
        case let error as CompressionError:
            switch error.code {
            case .invalidRecipe, .unknownTechnique, .unknownSetting, .invalidSetting, .nonFiniteWeight: self = .input
            case .invalidOutput, .unknownRecipe: self = .usage
            default: self = .failed
            }
        case let error as EvaluationError: self = error.code == .invalidSettings ? .failed : .input
        default: self = .failed
        }
    }

    /// Prints an error to standard error, or help to standard output, and ends the program.
    static func exit(with error: any Error, as root: any ParsableCommand.Type) -> Never {
        Console.endProgress()
        if let code = Signals.exitCode { _exit(code) }
        let code = root.exitCode(for: error)
        if code == .success || isUsage(error, root) {
            let text = root.fullMessage(for: error)
            guard code == .success else {
                Console.warn(text)
                Foundation.exit(ExitStatus.usage.rawValue)
            }
            Foundation.exit((try? Console.print(text)) == nil ? ExitStatus.failed.rawValue : ExitStatus.done.rawValue)
        }
        if let status = error as? ExitCode { Foundation.exit(status.rawValue) }
        Console.warn("error: \(Console.printable("\(error)"))")
        Foundation.exit(ExitStatus(for: error).rawValue)
    }

    private static func isUsage(_ error: any Error, _ root: any ParsableCommand.Type) -> Bool {
        error is ValidationError || root.exitCode(for: error) == .validationFailure
    }
}

extension EvaluationError {
    /// The same error with the file whose data it is about.
    func about(_ path: String?) -> EvaluationError {
        guard let path, code != .invalidSettings else { return self }
        return EvaluationError(code: code, subject: "\(path): \(subject)", problem: problem, remedy: remedy)
    }
}
