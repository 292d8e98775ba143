import Foundation
import PithFormats
import PithTensor

/// The file behind a machine profile: a JSON object of answers by question.
struct ProfileFile: Hashable, Sendable {
    let path: String
    /// Whether a file that is no profile may be replaced: so in a cache of our own, never where a user named it.
    let isCache: Bool

    /// Profiles are far below this; what is larger is something else.
    private static let largest = 1 << 24

    /// Every question starts with the processor and this.
    static let mark = " | ONNX Runtime "

    /// The kept answers by question; none where there is no file or an empty one.
    ///
    /// - Throws: `FormatError` `.corrupt` for a file that is no profile, `.missing` for one that can not be read.
    func answers() throws(FormatError) -> [String: Double] {
        switch FileSystem.kind(of: path) {
        case .nothing: return [:]
        case .folder: throw failure(.corrupt, "it is a folder.")
        case .other: throw failure(.corrupt, "it is a device or a pipe.")
        case .file: break
        }
        let file: MappedFile
        do { file = try MappedFile(path: path) } catch { throw failure(.missing, error.problem) }
        guard file.byteCount > 0 else { return [:] }
        guard file.byteCount <= ProfileFile.largest,
            let answers = try? JSONDecoder().decode(
                [String: Double].self, from: Data(file.storage.withBytes { $0.bytes })),
            answers.keys.allSatisfy({ $0.contains(ProfileFile.mark) })
        else { throw failure(.corrupt, "it holds something else than a machine profile.") }
        return answers
    }

    /// Adds an answer to those that are in the file by now, and answers the one that is kept: another process may have
    /// been first.
    ///
    /// - Throws: `FormatError` as `answers` does, and `.unwritable`; the file is then as it was.
    func keep(_ answer: Double, to question: String) throws(FormatError) -> Double {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        let folder = target.deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let outcome = FileSystem.withFolderLocked(folder.path) { () -> Result<Double, FormatError> in
            Result { () throws(FormatError) in
                var answers = try replaceableAnswers()
                if let first = answers[question] { return first }
                answers[question] = answer
                try write(answers, to: target)
                return answer
            }
        }
        return try outcome.get()
    }

    private func replaceableAnswers() throws(FormatError) -> [String: Double] {
        do { return try answers() } catch {
            guard isCache, error.code == .corrupt, FileSystem.kind(of: path) == .file else { throw error }
            return [:]
        }
    }

    private func write(_ answers: [String: Double], to target: URL) throws(FormatError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let output = try StagedOutput(beside: target.path)
        do {
            let text = try encoder.encode(answers)
            try output.write(target.lastPathComponent) { try $0.write([UInt8](text)) }
        } catch let error as FormatError {
            throw error
        } catch {
            throw failure(.unwritable, "\(error).")
        }
        try output.commit()
    }

    private func failure(_ code: FormatError.Code, _ problem: String) -> FormatError {
        FormatError(
            code: code, subject: "machine profile \(path)", problem: problem,
            remedy: "Name a file that `--profile` made, or one that does not exist yet; or use `--profile none`.")
    }
}
