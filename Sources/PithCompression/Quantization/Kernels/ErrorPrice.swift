/// What error has to bring in speed, so that kernels which round more are worth it.
package enum ErrorPrice {
    /// What each decibel has to add to the speedup, and the speedup from which nothing more is asked.
    private static let perDecibel = 0.03, ample = 1.2
    /// How many times as fast as every sound result one has to be that errs more than is sound.
    private static let unsoundRatio = 1.5

    /// How far above the target error is missed, in dB.
    package static let mostMissed = 10.0

    /// Whether nothing is asked of a result at `speedup`.
    package static func isAmple(_ speedup: Double) -> Bool { speedup >= ample }

    /// Whether a sound result that loses `decibels` beside the same weights in float is worth it at `speedup`.
    package static func isPaid(_ decibels: Double, by speedup: Double) -> Bool {
        // What loses nothing, or can not be compared, costs nothing.
        guard decibels > 0 else { return true }
        return isAmple(speedup) || speedup - 1 >= perDecibel * decibels
    }

    /// Whether a result under the target is fast enough beside the fastest sound one, or beside float where there is none.
    package static func isUnsoundPaid(by speedup: Double?, beside sound: Double?) -> Bool {
        (speedup ?? 0) >= unsoundRatio * (sound ?? 1)
    }
}
