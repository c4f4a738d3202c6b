// SPDX-License-Identifier: Apache-2.0
/** Signs commands: what a device does only for who holds a key, whoever delivers it. */
import { DeviceError } from "../../src/base/error.js";
import type { JSONObject } from "../../src/bytes/value.js";
import { encodeDeterministicCBOR } from "../../src/cbor/encode.js";
import { text } from "../node/text.js";
import { encodeSign1, toBeSigned } from "./cose.js";
import type { ReleaseSigner } from "./keys.js";

export interface SignCommandOptions {
	key: ReleaseSigner;
	/** The name of the device that is to do it, and no other. */
	device: string;
	/** Of the request that it is sent in: each is good for one command, ever. */
	id?: string | undefined;
	/** Instead of `id`, where the cloud makes that up, as AWS and Golioth do: what nothing was signed with before. */
	nonce?: string | undefined;
	/** s since 1970. Devices take none that is valid for more than a day. */
	expires: number;
	command: string;
	parameters?: JSONObject | undefined;
}

/**
 * The envelope, for `{"signed": …}`: as it is in CBOR, in base64url without padding in JSON.
 * @throws DeviceError `argument`
 */
export function signCommand({ key, device, id, nonce, expires, command, parameters }: SignCommandOptions): Uint8Array {
	if ((id === undefined) === (nonce === undefined)) throw new DeviceError("argument", "a command is signed with an id or with a nonce");
	for (const [name, value] of Object.entries({ device, id: id ?? nonce, command })) {
		if (typeof value !== "string" || value === "") throw new DeviceError("argument", `no ${name} to sign`);
	}
	if (!Number.isSafeInteger(expires) || expires <= 0) {
		throw new DeviceError("argument", `${String(expires)} is no time in seconds since 1970`);
	}
	const claims: JSONObject = { aud: device, exp: expires, command, ...(id === undefined ? { nonce: nonce! } : { id }) };
	if (parameters !== undefined) claims["parameters"] = parameters;
	const payload = encodeDeterministicCBOR(text, claims);
	return encodeSign1(payload, key, key.sign(toBeSigned(payload, key)));
}
