import PithTensor

/// How much memory the second moments of activations may take, and how they are gathered so that they take no more.
///
/// One copy of the moments of *n* channels holds *n²* doubles, channels rounded up to whole panels of 32. While rows are
/// gathered there are as many copies as pieces of the rows run at once, the sum of those that are done, and one that is being
/// added to it: 768 MB together. What is looked at in one run never depends on the number of threads, nor does a result.
package enum MomentBudget {
    /// Numbers in all copies at once.
    private static let mostNumbers = 3 << 25
    /// Copies beside those of the pieces that run.
    private static let otherCopies = 2
    /// Numbers up to which several activations share a run, so that three pieces of it and more fit.
    private static let sharedNumbers = mostNumbers / 6

    /// Most channels of an activation that one piece at a time can be gathered of.
    package static let mostChannels = 5792

    /// Numbers in one copy of the moments of `channels` channels.
    package static func numbers(_ channels: Int) -> Int {
        precondition((1...mostChannels).contains(channels), "\(channels) channels are refused before.")
        let padded = (channels + LaneLayout.panel - 1) / LaneLayout.panel * LaneLayout.panel
        return padded * padded
    }

    /// Runs of neighbours among activations of so many channels whose moments are gathered together.
    package static func parts(of channels: [Int]) -> [Range<Int>] {
        var parts: [Range<Int>] = [], size = 0
        for (place, width) in channels.enumerated() {
            let numbers = numbers(width)
            if let last = parts.last, size + numbers <= sharedNumbers {
                parts[parts.count - 1] = last.lowerBound..<place + 1
                size += numbers
            } else {
                parts.append(place..<place + 1)
                size = numbers
            }
        }
        return parts
    }

    /// Pieces of the rows that may run at once for the activations of one part.
    package static func piecesAtOnce(_ channels: [Int], threads: Int) -> Int {
        let copy = channels.reduce(0) { $0 + numbers($1) }
        return max(1, min(threads, mostNumbers / max(copy, 1) - otherCopies))
    }
}
