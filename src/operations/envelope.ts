// SPDX-License-Identifier: Apache-2.0
/**
 * A command in a signed envelope: who has the broker's password alone cannot give it.
 *
 * The envelope is a COSE_Sign1 as releases have it, in JSON as base64url (RFC 4648 §5) without padding. What is signed
 * is a map in deterministic CBOR: `{"aud": the device's name, "id": that of the request, "exp": seconds since 1970,
 * "command": its name, "parameters"?: {…}}`; other members are passed over. Where the cloud makes up the identifiers of
 * requests, nobody can sign one before: there it is `nonce` instead of `id`, a text that is signed once.
 */
import { DeviceError } from "../base/error.js";
import { decodeBase64URL } from "../bytes/base64.js";
import { isObject, own, type JSONObject, type JSONValue } from "../bytes/value.js";
import type { Vocabulary } from "../bytes/vocabulary.js";
import { decodeCBOR } from "../cbor/decode.js";
import type { CBORValue } from "../cbor/value.js";
import type { TextCodec } from "../host.js";
import { openSign1, verifySign1, type SignatureCallbacks, type VerifyingHost } from "../ota/cose.js";
import { reasonOf } from "../ota/failure.js";
import type { ReleaseKey } from "../ota/manifest.js";
import { CommandReason } from "./commands.js";
import { Reason } from "./declared.js";

/** Members of what is signed. */
export const CLAIM_NAMES: readonly string[] = Object.freeze(["aud", "id", "nonce", "exp", "command", "parameters"]);

export interface Claims {
	readonly device: string;
	/** Of the request; or else a nonce: what nothing was signed with before. */
	readonly id: string;
	readonly isNonce: boolean;
	/** s since 1970. */
	readonly expires: number;
	/** Of the command. */
	readonly name: string;
	readonly parameters: JSONValue;
}

/**
 * Verifies an envelope. Exactly one callback follows, from the event loop; what can be said at once is thrown.
 * @param signed bytes, or text
 * @throws DeviceError whose reason `refusalOf` tells
 */
export function openEnvelope(
	host: VerifyingHost, signed: CBORValue, keys: readonly ReleaseKey[], callbacks: SignatureCallbacks,
): void {
	const bytes = typeof signed === "string" ? decodeBase64URL(signed) : signed;
	if (!(bytes instanceof Uint8Array)) throw new DeviceError("malformed", "an envelope is bytes or text");
	verifySign1(host, openSign1(host.text, bytes, 0, bytes.byteLength), keys, [], callbacks);
}

/** What is in an envelope that was verified. @throws DeviceError `malformed`, `too-large` */
export function readClaims(
	text: TextCodec, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): Claims {
	const document = decodeCBOR(text, bytes, start, end, vocabulary);
	if (!isObject(document)) throw new DeviceError("malformed", "claims that are no map");
	const claims = document as JSONObject;
	const device = own(claims, "aud");
	const id = own(claims, "id");
	const nonce = own(claims, "nonce");
	const expires = own(claims, "exp");
	const name = own(claims, "command");
	const isNonce = id === undefined;
	const given = isNonce ? nonce : id;
	const isWhole = typeof device === "string" && typeof given === "string" && typeof name === "string";
	if (!isWhole || !Number.isInteger(expires) || !isNonce && nonce !== undefined) {
		throw new DeviceError("malformed", "claims that are not all there");
	}
	const parameters = own(claims, "parameters") ?? {};
	return { device, id: given, isNonce, expires: expires as number, name, parameters };
}

/** Why an envelope is refused: one of `Reason` or `CommandReason`. */
export function refusalOf(error: unknown): string {
	switch (reasonOf(error, "unhealthy")) {
		case "key-unknown": return Reason.UNKNOWN_KEY;
		case "signature":
		case "algorithm": return Reason.BAD_SIGNATURE;
		case "malformed":
		case "trailing": return CommandReason.MALFORMED;
		default: break;
	}
	const { code } = error as Partial<DeviceError>;
	if (code === "storage" || code === "full" || code === "corrupt") return CommandReason.NOT_REMEMBERED;
	return code === "malformed" || code === "too-large" ? CommandReason.MALFORMED : Reason.NOT_VERIFIED;
}
