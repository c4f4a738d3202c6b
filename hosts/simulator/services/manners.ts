// SPDX-License-Identifier: Apache-2.0
/**
 * How each device wants to be spoken to: what its retained `moorline/<id>/status` says of format and times.
 *
 * Pure. A status that says offline leaves it as it was: a will does not know.
 */
import type { CloudChannel } from "../channel.js";
import type { Format } from "./formats.js";
import { isFormat } from "./formats.js";
import { isObject, parseJson } from "./json.js";
import { isDeviceId } from "./registry.js";

export interface Manners {
	/** Of what the device is sent. */
	readonly format: Format;
	/** Whether it is told when what is desired was set, which makes messages longer. */
	readonly times: boolean;
}

const PLAIN: Manners = Object.freeze({ format: "json", times: false });
/** Devices with wishes; those of further ones are not heard. */
const DEVICES_MAXIMUM = 100_000;

export class MannersBook {
	readonly #onChanged: (id: string) => void;
	readonly #wishes = new Map<string, Manners>();

	/** @param onChanged told after a device wants it otherwise than before */
	constructor(onChanged: (id: string) => void) {
		this.#onChanged = onChanged;
	}

	of(id: string): Manners { return this.#wishes.get(id) ?? PLAIN; }

	watch(channel: CloudChannel): void {
		channel.subscribe("moorline/+/status", (topic, payload) => {
			const id = topic.split("/")[1]!, manners = mannersIn(payload);
			if (manners && isDeviceId(id)) this.#note(id, manners);
		});
	}

	#note(id: string, manners: Manners): void {
		const { format, times } = this.of(id);
		if (manners.format === format && manners.times === times) return;
		if (manners.format === PLAIN.format && manners.times === PLAIN.times) this.#wishes.delete(id);
		else if (this.#wishes.has(id) || this.#wishes.size < DEVICES_MAXIMUM) this.#wishes.set(id, manners);
		this.#onChanged(id);
	}
}

/** `undefined` for what says nothing of it: anybody may write anything to a foreign broker. */
function mannersIn(payload: Uint8Array): Manners | undefined {
	let status: unknown;
	try {
		status = parseJson(payload);
	} catch {
		return undefined;
	}
	if (!isObject(status) || status["online"] !== true) return undefined;
	const format = Object.hasOwn(status, "format") ? status["format"] : undefined;
	const times = Object.hasOwn(status, "times") && status["times"] === true;
	return { format: typeof format === "string" && isFormat(format) ? format : PLAIN.format, times };
}
