// Names that packages written for Node take for given.
export { Buffer } from "buffer";
export { default as process } from "process";
