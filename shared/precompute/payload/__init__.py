"""The bytes of a payload: columns, encodings, compression, splicing, Arrow streams."""
