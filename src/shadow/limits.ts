// SPDX-License-Identifier: Apache-2.0
/** What a cloud takes, checked here before it is sent: a refusal costs a round trip, and some clouds cut off for it. */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { applyPatch, isObject, type JSONObject, type JSONValue } from "./document.js";

/** What the cloud holds, as far as we know. */
export interface Held {
	readonly desired: JSONObject;
	readonly reported: JSONObject;
}

export interface Limits {
	/** Bytes of `{"desired":…,"reported":…}` as JSON. */
	readonly documentMaximum: number;
	/** Objects and arrays within each other, the section itself not counted. */
	readonly depthMaximum: number;
}

/** @throws DeviceError `too-large` when the document would become larger or deeper than `limits` */
export function checkUpdate(
	text: TextCodec, limits: Limits, held: Held, reported: JSONObject | undefined, desired: JSONObject | undefined,
): void {
	if (levels(reported ?? {}) > limits.depthMaximum || levels(desired ?? {}) > limits.depthMaximum) {
		throw new DeviceError("too-large", `a document of more than ${limits.depthMaximum} levels`);
	}
	// As if nothing of what is added were there: as a rule there is room enough, and no need to merge.
	const bound = lengthOf(text, held) + lengthOf(text, [reported ?? {}, desired ?? {}]);
	if (bound <= limits.documentMaximum) return;
	const length = lengthOf(text, {
		desired: applyPatch(applyPatch({}, held.desired), desired ?? {}),
		reported: applyPatch(applyPatch({}, held.reported), reported ?? {}),
	});
	if (length > limits.documentMaximum) {
		throw new DeviceError("too-large", `document of ${length} bytes, at most ${limits.documentMaximum} are taken`);
	}
}

function lengthOf(text: TextCodec, value: unknown): number {
	return text.byteLength(JSON.stringify(value));
}

/** Objects and arrays within `document`, at its deepest. */
function levels(document: JSONObject): number {
	let deepest = 0;
	const values: JSONValue[] = [document];
	const depths = [0];
	for (let value = values.pop(); value !== undefined; value = values.pop()) {
		const depth = depths.pop()!;
		if (depth > deepest) deepest = depth;
		for (const inner of Array.isArray(value) ? value : Object.values(value as JSONObject)) {
			if (!Array.isArray(inner) && !isObject(inner)) continue;
			values.push(inner);
			depths.push(depth + 1);
		}
	}
	return deepest;
}
