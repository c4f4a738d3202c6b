// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/ed25519` of an application that includes our manifest by hand. */
export * from "moorline/dist/src/ota/ed25519";
