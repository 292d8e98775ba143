import Foundation
import PithFormats

/// Interrupts leave nothing behind.
enum Signals {
    /// On SIGINT and SIGTERM unfinished output files are removed before the program ends.
    static func cleanUpOnInterrupt() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                StagedOutput.removeAll()
                Console.endProgress()
                exit(128 + number)
            }
            source.resume()
            unsafe sources.append(source)
        }
    }

    nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []
}
