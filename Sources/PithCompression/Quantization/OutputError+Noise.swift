import Foundation
import PithEvaluation

extension OutputError {
    /// Noise power as a part of the signal power; infinite for outputs that are not finite.
    var noiseToSignal: Double {
        nonFinite.candidate > nonFinite.reference ? .infinity : pow(10, -sqnrDB / 10)
    }
}
