enum PithCodingPlaceholder {}
