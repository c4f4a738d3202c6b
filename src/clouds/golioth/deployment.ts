// SPDX-License-Identifier: Apache-2.0
/**
 * The update that was begun last, and whether the cloud knows how it ended: a manifest goes on saying what a device
 * shall run, whatever came of it, and must not be followed again and again.
 */
import { isObject } from "../../bytes/value.js";
import type { Host } from "../../host.js";
import type { Target } from "./manifest.js";

/** Name of the storage domain. */
export const GOLIOTH = "golioth";
const KEY = "deployment";

export interface Deployment extends Target {
	readonly isOver: boolean;
}

/** @throws DeviceError `storage`. What cannot be read is as good as nothing */
export function readDeployment(host: Host): Deployment | undefined {
	const domain = host.storage.open({ path: GOLIOTH });
	try {
		const bytes = domain.read(KEY);
		if (bytes === undefined) return undefined;
		// Our own writing.
		const record: unknown = JSON.parse(host.text.decode(bytes, 0, bytes.byteLength));
		return isObject(record) && typeof record["sequence"] === "number" ? record as unknown as Deployment : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	} finally {
		domain.close();
	}
}

/** @throws DeviceError `storage`, `full` */
export function writeDeployment(host: Host, { sequence, version, sha256, isOver }: Deployment): void {
	const json = JSON.stringify({ sequence, version, sha256, isOver });
	const bytes = new Uint8Array(host.text.byteLength(json));
	host.text.encode(json, bytes, 0);
	const domain = host.storage.open({ path: GOLIOTH });
	try {
		domain.write(KEY, bytes);
	} finally {
		domain.close();
	}
}
