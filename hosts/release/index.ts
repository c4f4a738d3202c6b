// SPDX-License-Identifier: Apache-2.0
/** `moorline/release`: makes, signs and verifies releases, and signs commands, for build servers and their scripts. */
export type { PublicReleaseKey, ReleaseAlgorithm } from "../../src/ota/key.js";
export { parseReleaseKey } from "../../src/ota/key.js";
export type { Component, ComponentKind, Manifest, Payload } from "../../src/ota/manifest.js";
export { signCommand, type SignCommandOptions } from "./command.js";
export type { ReleaseComponent } from "./content.js";
export { attachSignature, bytesToSign, isRelease, signRelease } from "./file.js";
export { formatReleaseKey, generateReleaseKey, type GeneratedReleaseKey, hex, readPublicKey, readSigner, type ReleaseSigner } from "./keys.js";
export { createRelease, type Release, type ReleaseOptions } from "./release.js";
export { checkContents, contentsOf, readManifest, type VerifiedRelease, verifyRelease, type VerifyReleaseOptions } from "./verify.js";
export { type ComponentView, type ManifestView, type PayloadView, viewManifest } from "./view.js";
