internal import CONNXRuntime
public import PithTensor

extension Session {
    /// Runs the model once on `inputs` and returns the outputs asked for by name; nil means all.
    ///
    /// Safe to call from several threads at a time. Numbers are given and taken without copying: an output keeps the
    /// runtime's memory alive. Strings are copied.
    /// - Throws: `RuntimeError` `.invalidInput` when a name is not the model's, an input is missing, or its type or shape is
    ///   not what the model says; `.runFailed` with the runtime's own words when the run fails or gives what is no tensor.
    public func run(
        _ inputs: [String: Tensor], outputs names: [String]? = nil
    ) throws(RuntimeError) -> [String: Tensor] {
        let fetches = try fetches(names), feeds = try feeds(inputs)
        var values: [NativeValue] = []
        for feed in feeds {
            do throws(NativeFailure) {
                values.append(try NativeValue(feed.tensor, library: runtime.library))
            } catch {
                throw RuntimeError(
                    code: .invalidInput, subject: "input '\(port(feed: feed.index).name)' of \(subject)",
                    problem: "ONNX Runtime \(runtime.version) does not take this \(feed.tensor.type.rawValue) tensor "
                        + "\(feed.tensor.shape): \(error.message)",
                    remedy: "Give another type, or use a newer runtime.")
            }
        }
        let results = try call(feeds.map(\.index), values, fetches)
        var tensors: [String: Tensor] = [:]
        for (index, value) in zip(fetches, results) {
            tensors[outputs[index].name] = try tensor(of: value, output: index, given: values)
        }
        return tensors
    }

    /// The places of the outputs asked for, each once.
    private func fetches(_ names: [String]?) throws(RuntimeError) -> [Int] {
        var places: [Int] = []
        for name in names ?? outputs.map(\.name) {
            guard let place = fetchIndices[name] else {
                throw RuntimeError(
                    code: .invalidInput, subject: subject, problem: "it has no output '\(name)'.",
                    remedy: "Its outputs are \(Session.list(outputs)).")
            }
            let kind = outputs[place].kind
            guard kind == .tensor || kind == .optional else {
                throw RuntimeError(
                    code: .invalidInput, subject: "output '\(name)' of \(subject)",
                    problem: "it is \(kind.words), not a tensor.", remedy: "Ask for other outputs by name.")
            }
            if !places.contains(place) { places.append(place) }
        }
        return places
    }

    /// The inputs by place, in the model's order.
    private func feeds(_ tensors: [String: Tensor]) throws(RuntimeError) -> [(index: Int, tensor: Tensor)] {
        if let missing = inputs.first(where: { tensors[$0.name] == nil }) {
            throw RuntimeError(
                code: .invalidInput, subject: subject, problem: "its input '\(missing.name)' is missing.",
                remedy: "It needs \(Session.list(inputs)).")
        }
        var feeds: [(index: Int, tensor: Tensor)] = []
        for (name, tensor) in tensors {
            guard let index = feedIndices[name] else {
                throw RuntimeError(
                    code: .invalidInput, subject: subject, problem: "it has no input '\(name)'.",
                    remedy: "It takes \(Session.list(inputs + overridableInputs)).")
            }
            try check(tensor, against: port(feed: index))
            feeds.append((index, tensor))
        }
        return feeds.sorted { $0.index < $1.index }
    }

    private func check(_ tensor: Tensor, against port: Port) throws(RuntimeError) {
        guard port.kind == .tensor || port.kind == .optional else {
            throw RuntimeError(
                code: .invalidInput, subject: "input '\(port.name)' of \(subject)",
                problem: "it is \(port.kind.words), not a tensor.", remedy: "Pith can not run this model.")
        }
        guard let element = port.element, element != tensor.type else { return }
        throw RuntimeError(
            code: .invalidInput, subject: "input '\(port.name)' of \(subject)",
            problem: "it takes \(element.rawValue) and was given \(tensor.type.rawValue).",
            remedy: "Convert the data to \(element.rawValue).")
    }

    private func port(feed index: Int) -> Port {
        index < inputs.count ? inputs[index] : overridableInputs[index - inputs.count]
    }

    private func call(
        _ feeds: [Int], _ values: [NativeValue], _ fetches: [Int]
    ) throws(RuntimeError) -> [NativeValue?] {
        let givens = unsafe values.map { value in unsafe value.handle.withPointer { unsafe Optional($0) } }
        var results = unsafe [OpaquePointer?](repeating: nil, count: fetches.count)
        do throws(NativeFailure) {
            try unsafe handle.withPointer { session throws(NativeFailure) in
                try unsafe NativeFailure.check { error in
                    unsafe pith_ort_run(
                        session, feeds, givens, feeds.count, fetches, &results, fetches.count, error)
                }
            }
        } catch {
            let isInput = error.code == NativeFailure.invalidArgument
            throw RuntimeError(
                code: isInput ? .invalidInput : .runFailed, subject: subject,
                problem: "ONNX Runtime \(runtime.version) does not run it: \(error.message)",
                remedy: isInput
                    ? "Give inputs of the shapes the model states." : "Check the model and the values of its inputs.")
        }
        withExtendedLifetime(values) {}
        return unsafe results.map { result in
            unsafe result.map { unsafe NativeValue(taking: $0, library: runtime.library) }
        }
    }

    private func tensor(
        of value: NativeValue?, output index: Int, given inputs: [NativeValue]
    ) throws(RuntimeError) -> Tensor {
        let problem: String
        do {
            if let tensor = try value?.tensor(given: inputs) { return tensor }
            problem = "the run did not make it."
        } catch let error as NativeFailure {
            problem = error.message
        } catch {
            problem = "\(error)"
        }
        throw RuntimeError(
            code: .runFailed, subject: "output '\(outputs[index].name)' of \(subject)", problem: problem,
            remedy: "Ask for other outputs by name.")
    }

    private static func list(_ ports: [Port]) -> String {
        ports.isEmpty ? "none" : ports.map { "'\($0.name)'" }.joined(separator: ", ")
    }
}
