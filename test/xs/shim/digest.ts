// SPDX-License-Identifier: Apache-2.0
/** Digests for the worlds of tests that take Node's elsewhere. */
export { crypto } from "../../../hosts/xs/text.js";
