extension ReferenceKernels {
    /// See ``Kernels/addPanelProducts(_:_:rows:to:stride:at:)``.
    package static func addPanelProducts(
        _ left: Span<Float>, _ right: Span<Float>, rows: Int, to out: inout [Double], stride: Int, at start: Int
    ) {
        for i in 0..<32 {
            for j in 0..<32 {
                var sum: Float = 0
                for row in 0..<rows { sum += left[row * 32 + i] * right[row * 32 + j] }
                out[start + i * stride + j] += Double(sum)
            }
        }
    }

    /// See ``Kernels/solve(factor:dimension:isTransposed:lanes:)``.
    package static func solve(factor: Span<Double>, dimension: Int, isTransposed: Bool, lanes: inout [Double]) {
        for lane in 0..<16 {
            for index in isTransposed ? Array((0..<dimension).reversed()) : Array(0..<dimension) {
                // Transposed, later elements are taken away as they become known: the last one first.
                var value = lanes[index * 16 + lane]
                if isTransposed {
                    for other in (index + 1..<max(dimension, index + 1)).reversed() {
                        value -= factor[other * dimension + index] * lanes[other * 16 + lane]
                    }
                } else {
                    for other in 0..<index { value -= factor[index * dimension + other] * lanes[other * 16 + lane] }
                }
                lanes[index * 16 + lane] = value / factor[index * dimension + index]
            }
        }
    }

    /// See ``Kernels/quadratic(_:dimension:lanes:)``.
    package static func quadratic(_ matrix: Span<Double>, dimension: Int, lanes: [Double]) -> [Double] {
        (0..<16).map { lane in
            var total = 0.0
            for row in 0..<dimension {
                var sum = 0.0
                for column in 0..<row { sum += matrix[row * dimension + column] * lanes[column * 16 + lane] }
                let element = lanes[row * 16 + lane]
                total += element * (2 * sum + matrix[row * dimension + row] * element)
            }
            return total
        }
    }

    /// See ``Kernels/addLaneProducts(_:dimension:lanes:columns:to:)``.
    package static func addLaneProducts(
        _ matrix: Span<Float>, dimension: Int, lanes: [Float], columns: Range<Int>, to products: inout [Float]
    ) {
        for lane in 0..<16 {
            for target in 0..<dimension {
                for column in columns {
                    products[target * 16 + lane] += lanes[column * 16 + lane] * matrix[column * dimension + target]
                }
            }
        }
    }
}

extension ReferenceKernels {
    /// See ``Kernels/roundWithFeedback(factor:target:groups:scales:zeroPoints:top:codes:)``.
    package static func roundWithFeedback(
        factor: Span<Float>, target: [Float], groups: [UInt32], scales: [Float], zeroPoints: [Float], top: Int,
        codes: inout [UInt8]
    ) {
        let dimension = groups.count
        for lane in 0..<16 {
            var errors = [Float](repeating: 0, count: dimension)
            for column in (0..<dimension).reversed() {
                let grid = Int(groups[column]) * 16 + lane
                var value = target[column * 16 + lane]
                for later in (column + 1..<max(dimension, column + 1)).reversed() {
                    value += errors[later] * factor[later * dimension + column]
                }
                let code = code(of: value, scales[grid], zeroPoints[grid], top)
                codes[column * 16 + lane] = UInt8(code)
                errors[column] = target[column * 16 + lane] - (code - zeroPoints[grid]) * scales[grid]
            }
        }
    }

    /// See ``Kernels/descend(matrix:groups:scales:zeroPoints:top:slopes:codes:)``.
    package static func descend(
        matrix: Span<Float>, groups: [UInt32], scales: [Float], zeroPoints: [Float], top: Int, slopes: inout [Float],
        codes: inout [UInt8]
    ) -> Int {
        let dimension = groups.count
        var changed = 0
        for lane in 0..<16 {
            for column in 0..<dimension {
                let grid = Int(groups[column]) * 16 + lane, place = column * 16 + lane
                let value = (Float(codes[place]) - zeroPoints[grid]) * scales[grid]
                let wanted = value + slopes[place] / matrix[column * dimension + column]
                let code = code(of: wanted, scales[grid], zeroPoints[grid], top)
                guard code != Float(codes[place]) else { continue }
                changed += 1
                codes[place] = UInt8(code)
                let step = (code - zeroPoints[grid]) * scales[grid] - value
                for other in 0..<dimension { slopes[other * 16 + lane] -= step * matrix[column * dimension + other] }
            }
        }
        return changed
    }

    private static func code(of value: Float, _ scale: Float, _ zeroPoint: Float, _ top: Int) -> Float {
        let code = (value / scale + zeroPoint).rounded(.toNearestOrEven)
        return code > 0 ? Swift.min(code, Float(top)) : 0
    }
}

extension ReferenceKernels {
    /// See ``Kernels/gridErrors(_:importance:scales:zeroPoints:top:)``.
    package static func gridErrors(
        _ values: Span<Float>, importance: Span<Float>, scales: [Float], zeroPoints: [Float], top: Int
    ) -> [Float] {
        scales.indices.map { candidate in
            sixteenths(values.count) { index in
                let distance = distance(values[index], scales[candidate], zeroPoints[candidate], top)
                let error = values[index] - distance * scales[candidate]
                return error * error * importance[index]
            }
        }
    }

    /// See ``Kernels/gridMoments(_:importance:scale:zeroPoint:top:)``.
    package static func gridMoments(
        _ values: Span<Float>, importance: Span<Float>, scale: Float, zeroPoint: Float, top: Int
    ) -> (products: Float, squares: Float) {
        let products = sixteenths(values.count) { index in
            distance(values[index], scale, zeroPoint, top) * importance[index] * values[index]
        }
        let squares = sixteenths(values.count) { index in
            let distance = distance(values[index], scale, zeroPoint, top)
            return distance * importance[index] * distance
        }
        return (products, squares)
    }

    private static func distance(_ value: Float, _ scale: Float, _ zeroPoint: Float, _ top: Int) -> Float {
        let code = value * (1 / scale) + zeroPoint
        return (code > 0 ? Swift.min(code, Float(top)) : 0).rounded(.toNearestOrEven) - zeroPoint
    }

    /// Sixteen sums over every sixteenth term, added up in halves.
    static func sixteenths(_ count: Int, _ term: (Int) -> Float) -> Float {
        var sums = [Float](repeating: 0, count: 16)
        for index in 0..<count { sums[index % 16] += term(index) }
        while sums.count > 1 {
            let half = sums.count / 2
            sums = (0..<half).map { sums[$0] + sums[$0 + half] }
        }
        return sums[0]
    }
}
