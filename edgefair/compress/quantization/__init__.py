"""From float32 ONNX to the fastest INT8 form that holds for every group."""
