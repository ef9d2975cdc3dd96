/** The codec packages bring no types: each exports a maker of an Emscripten module. */

declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  const create: (options?: object) => Promise<unknown>;
  export default create;
}
declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  const create: (options?: object) => Promise<unknown>;
  export default create;
}
declare module '@cornerstonejs/codec-openjph/wasmjs' {
  const create: (options?: object) => Promise<unknown>;
  export default create;
}
