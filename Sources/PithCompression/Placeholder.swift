enum PithCompressionPlaceholder {}
