// SPDX-License-Identifier: Apache-2.0
/** What an operator does with a device, in the same words on every cloud. */
import { DeviceError } from "../../../src/base/error.js";
import { OPERATOR_ID } from "../backend.js";
import type { AwsCloud } from "../clouds/aws/cloud.js";
import type { Cloud } from "../cloud.js";
import type { Operations } from "../operations/operations.js";
import type { Registry } from "../services/registry.js";
import { encodeJson, type JsonObject } from "../services/json.js";

export interface ShadowView {
	readonly device: string;
	/** "" for the device's own. */
	readonly name: string;
	/** 0: there is none. */
	readonly version: number;
	readonly desired: JsonObject;
	readonly reported: JsonObject;
	readonly delta: JsonObject;
}

export interface SendOptions {
	/** ms. */
	readonly timeout: number;
	/** Not on clouds that name commands themselves. */
	readonly id?: string | undefined;
}

export interface Operated {
	readonly operations: Operations;
	/** The devices that there are, on line or not. */
	devices(): string[];
	knows(device: string): boolean;
	/** Of all shadows of a device; "" for its own. */
	shadows(device: string): string[];
	shadow(device: string, name: string): ShadowView;
	/** @throws DeviceError */
	desire(device: string, name: string, patch: JsonObject): void;
	/** @returns the command's id. @throws DeviceError */
	send(device: string, payload: JsonObject, options: SendOptions): string;
	/** @throws DeviceError */
	cancel(device: string, id: string): void;
	/** The bytes that a command was replied to with, if there are some. */
	reply(device: string, id: string): Uint8Array | undefined;
}

export function operatePrivate(cloud: Cloud): Operated {
	const operations = operationsOf(cloud), { registry, shadows, commands } = cloud;
	return {
		operations,
		devices: () => devicesOf(registry, operations),
		knows: device => registry.get(device) !== undefined || operations.statistics.get(device) !== undefined,
		shadows: device => shadows.names(device),
		shadow: (device, name) => ({ device, name, ...shadows.get(device, name), delta: shadows.delta(device, name) }),
		desire: (device, name, patch) => { shadows.desire(device, patch, name); },
		// To the second of its end, which its own clock may not know: from when it has it, it has no longer than that either.
		send: (device, payload, { id, timeout }) => commands.send(device, payload, { id, timeout: timeout / 1_000, expires: Date.now() + timeout }),
		cancel: (device, id) => {
			if (!commands.cancel(device, id)) throw new DeviceError("state", `${id} of ${device} is over`);
		},
		reply: (device, id) => commands.reply(device, id),
	};
}

export function operateAws(cloud: AwsCloud): Operated {
	const operations = operationsOf(cloud), { registry, shadows, services: { commands } } = cloud;
	return {
		operations,
		devices: () => devicesOf(registry, operations),
		knows: device => registry.get(device) !== undefined || operations.statistics.get(device) !== undefined,
		shadows: device => shadows.list(device).map(({ name }) => name ?? ""),
		shadow: (device, name) => {
			const document = shadows.get(device, name === "" ? undefined : name);
			const { desired = {}, reported = {}, delta = {} } = document?.state ?? {};
			return { device, name, version: document?.version ?? 0, desired, reported, delta };
		},
		desire: (device, name, patch) => { shadows.desire(device, patch, name === "" ? {} : { name }); },
		send: (device, payload, { timeout }) => {
			// What is signed is good for one name.
			if (payload["signed"] !== undefined) throw new DeviceError("unsupported", "AWS names commands itself, so that none can be signed beforehand");
			return commands.send({ thing: device }, { payload: encodeJson(payload), contentType: "application/json", timeout: Math.ceil(timeout / 1_000) });
		},
		cancel: () => { throw new DeviceError("unsupported", "AWS cannot cancel a command that was sent"); },
		reply: () => undefined,
	};
}

/** Those of now, also if none of them ever came, and those of before. */
function devicesOf(registry: Registry, { statistics }: Operations): string[] {
	const all = new Set([...registry.list().map(({ id }) => id), ...statistics.list().map(({ device }) => device)]);
	all.delete(OPERATOR_ID);
	return [...all].sort();
}

function operationsOf({ operations }: { operations: Operations | undefined }): Operations {
	if (operations === undefined) throw new DeviceError("internal", "a cloud without operations cannot be asked");
	return operations;
}
