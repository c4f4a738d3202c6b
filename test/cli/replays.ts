// SPDX-License-Identifier: Apache-2.0
/** What every recorded run is held to: it replays to the same state and fingerprint, and holds no secret of the device. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeSlot } from "../../src/identity/slots.js";
import { text } from "../../hosts/world/text.js";
import { Recording, replay } from "../../hosts/record/index.js";
import { assertSecret } from "../secrets.js";
import type { Place } from "./command.js";

/**
 * @param file the recording of a run that has ended
 * @param traces what the program said while it was recorded
 * @returns the fingerprint
 */
export async function assertReplays(place: Place, file: string, traces: readonly string[]): Promise<string> {
	const recording = new Recording(await readFile(join(place.path, file))), summary = recording.summarize(), said: string[] = [];
	const { fingerprint, boots, state } = await replay({ recording, onTrace: line => said.push(line) });
	assert.deepEqual(said, traces);
	assert.ok(state !== undefined && state.length > 0, "there is a final state");
	assert.deepEqual({ fingerprint, boots }, { fingerprint: summary.fingerprint, boots: summary.boots });
	return fingerprint;
}

/**
 * @param directory the device's, which may hold them
 * @param artefacts other than the recording
 */
export async function assertNoSecrets(place: Place, recording: string, directory: string, artefacts: Readonly<Record<string, Uint8Array | string>> = {}): Promise<void> {
	const identity = join(place.path, directory, "storage", "identity"), content = await readFile(join(place.path, recording));
	const read = (key: string): Promise<Uint8Array | undefined> => readFile(join(identity, key)).catch(() => undefined);
	const slots = (await Promise.all([read("slot0"), read("slot1")])).filter(slot => slot !== undefined);
	const keys = [await read("key"), await read("psk"), ...slots.map(slot => decodeSlot(text, slot).credentials.key)].filter(key => key !== undefined);
	assert.ok(keys.length > 0, "there is a secret to be found");
	for (const key of keys) assertSecret(key, { ...artefacts, [recording]: content });
}
