/// Cases that Pith leaves to the runtime, each with the reason.
enum ForeignCases {
    /// Reasons by the name of the case.
    static let reasons: [String: String] = {
        var reasons: [String: String] = [:]
        func add(_ reason: String, _ names: [String]) { for name in names { reasons[name] = reason } }
        let small = ["FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"]
        add("nothing is rounded to floats of 8 or 4 bits", ["cast_FLOAT16_to_FLOAT4E2M1"])
        for source in ["FLOAT", "FLOAT16"] {
            add("nothing is rounded to floats of 8 or 4 bits", small.map { "cast_\(source)_to_\($0)" })
            add("floats become levels by a scale, never by a cast", ["INT2", "INT4"].map { "cast_\(source)_to_\($0)" })
        }
        add(
            "floats become levels by a scale, never by a cast",
            ["cast_FLOAT_to_UINT4", "cast_FLOAT16_to_UINT2", "cast_FLOAT16_to_UINT4"])
        let floats = ["e4m3fn", "e5m2", "float4e2m1"]
        add("nothing is rounded to floats of 8 or 4 bits", floats.map { "quantizelinear_\($0)" })
        add(
            "small floats are decoded (see the casts), and multiplied by the runtime",
            (floats + ["e4m3fn_float16", "e4m3fn_zero_point"]).map { "dequantizelinear_\($0)" })
        add(
            "levels are rounded to at most 8 bits",
            ["quantizelinear_int16", "quantizelinear_uint16", "quantizelinear_blocked_symmetric"])
        let products = ["2D", "3D"].flatMap { rank in
            ["int8", "uint8"].flatMap { type in ["float16", "float32"].map { "\(rank)_\(type)_\($0)" } }
        }
        add(
            "integer products are computed by the runtime's kernels",
            ["matmulinteger", "convinteger_with_padding", "convinteger_without_padding", "qlinearconv"]
                + products.map { "qlinearmatmul_\($0)" })
        let recurrent = ["batchwise", "defaults", "with_initial_bias"]
        add(
            "recurrent layers are computed by the runtime's kernels",
            ["lstm", "gru", "simple_rnn"].flatMap { layer in
                recurrent.map { "\(layer)_\($0)" }
            } + ["lstm_with_peepholes", "gru_seq_length", "rnn_seq_length"])
        return reasons
    }()
}
