// SPDX-License-Identifier: Apache-2.0
/** Record and replay: everything that came into a program, and the program run again from it. */
export { RecordingFile } from "./file.js";
export { FUNCTION_PARAMETER, toRecording } from "./program.js";
export { Recorder, type RecorderOptions } from "./recorder.js";
export { Recording, type Summary } from "./recording.js";
export { replay, type ReplayOptions, type ReplayResult } from "./replay.js";
export { Secrets } from "./secrets.js";
export type { State } from "./state.js";
