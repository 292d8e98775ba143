package import Foundation

extension FileManager {
    /// Removes a folder with all that is in it, while another thread may still be putting files there.
    ///
    /// A file that appears between the look into the folder and its removal keeps the folder, so this is tried a few
    /// times; nothing appears in it once it is gone.
    package func removeWhileUsed(_ folder: URL) {
        for _ in 0..<10 where fileExists(atPath: folder.path) { try? removeItem(at: folder) }
    }
}
