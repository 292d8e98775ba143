import Foundation

/// When this process started.
enum ProcessStart {
    /// The start by the continuous clock; asked for first when the program begins.
    static let instant: ContinuousClock.Instant = ContinuousClock().now - .milliseconds(ageMilliseconds)

    /// Age of the process, to the hundredth of a second that Linux tells; elsewhere it counts from the first question.
    private static var ageMilliseconds: Int {
        guard let state = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let clock = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
            let uptime = clock.split(separator: " ").first.flatMap({ Double($0) }),
            // The program's name, in parentheses, may hold anything; field 22 counts from before it.
            let fields = state.split(separator: ")").last?.split(separator: " "), fields.count > 19,
            let ticks = Double(fields[19])
        else { return 0 }
        let age = uptime - ticks / 100
        return age >= 0 && age < 60 ? Int(age * 1000) : 0
    }
}
