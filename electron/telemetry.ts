/** Imported before anything else: ONNX Runtime uploads telemetry unless this is set before it is loaded. Child processes and workers inherit it. */

process.env.ORT_DISABLE_TELEMETRY = '1';
