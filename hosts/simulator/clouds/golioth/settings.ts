// SPDX-License-Identifier: Apache-2.0
/** Settings: what operators set for a device, with a version, at `.c`; and what it says of them at `.c/status`. */
import { ContentFormat } from "../../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../../coap/request.js";
import { decodeMap } from "./codec.js";
import { cborReply, CHANGED, METHOD_NOT_ALLOWED, NOT_FOUND, type GoliothContext, type GoliothService } from "./service.js";

export type Setting = number | string | boolean;

export interface SettingsReport {
	readonly version: number;
	/** Codes by setting; empty when all is well. */
	readonly errors: Readonly<Record<string, number>>;
}

interface Settings {
	version: number;
	values: Record<string, Setting> | null;
	report: SettingsReport | undefined;
}

const NAME = /^[A-Za-z0-9_]{1,63}$/;

export class GoliothSettings implements GoliothService {
	readonly segment = ".c";
	readonly #context: GoliothContext;
	readonly #devices = new Map<string, Settings>();

	constructor(context: GoliothContext) {
		this.#context = context;
	}

	/** Replaces them all; null: there are none. @throws RangeError for what is no name of a setting */
	set(device: string, values: Readonly<Record<string, Setting>> | null): number {
		for (const name of Object.keys(values ?? {})) if (!NAME.test(name)) throw new RangeError(`"${name}" is no name of a setting`);
		const settings = this.#of(device);
		settings.values = values === null ? null : { ...values };
		// Seconds, as the vendor has them, but never the same twice.
		settings.version = Math.max(settings.version + 1, Math.floor(this.#context.wall() / 1000));
		this.#context.notify(device, [this.segment]);
		return settings.version;
	}

	/** What the device said last. */
	report(device: string): SettingsReport | undefined { return this.#of(device).report; }

	/** The device has taken over the newest settings, all of them. */
	isInSync(device: string): boolean {
		const { version, report } = this.#of(device);
		return report?.version === version && Object.keys(report.errors).length === 0;
	}

	handle(device: string, path: readonly string[], request: CoAPRequest): CoAPReply {
		const [name] = path;
		if (name === "status" && path.length === 1) return request.method === "POST" ? this.#take(device, request) : METHOD_NOT_ALLOWED;
		if (name !== undefined) return NOT_FOUND;
		if (request.method !== "GET") return METHOD_NOT_ALLOWED;
		const { version, values } = this.#of(device);
		return cborReply(this.#context, { settings: values, version });
	}

	#take(device: string, { contentFormat = ContentFormat.CBOR, payload }: CoAPRequest): CoAPReply {
		if (contentFormat !== ContentFormat.CBOR) return { code: "4.15" };
		const { version, errors = [] } = decodeMap(payload);
		if (!Number.isSafeInteger(version) || !Array.isArray(errors)) return { code: "4.00" };
		const codes: Record<string, number> = {};
		for (const { setting_key: key, error_code: code } of errors as { setting_key?: unknown; error_code?: unknown }[]) codes[String(key)] = Number(code);
		this.#of(device).report = { version: version as number, errors: codes };
		return CHANGED;
	}

	#of(device: string): Settings {
		const settings = this.#devices.get(device) ?? { version: 0, values: null, report: undefined };
		this.#devices.set(device, settings);
		return settings;
	}
}
