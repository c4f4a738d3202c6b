// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR of what JSON can say, and bytes, in preferred serialization (RFC 8949 §4.1): every number in the fewest bytes
 * that keep its value, lengths known.
 */
import type { TextCodec } from "../host.js";
import type { CBORValue } from "./value.js";
import { CBORWriter } from "./writer.js";

/** The encoding of `value`, its members in their own order, as in JSON. @throws DeviceError as `CBORWriter.write` */
export function encodeCBOR(text: TextCodec, value: CBORValue): Uint8Array {
	return encode(new CBORWriter(text), value);
}

/**
 * As `encodeCBOR`, in deterministic encoding (RFC 8949 §4.2.1): members in the order of their encoded names, so that
 * the same value has the same bytes, whoever put it together. For what is signed, hashed or compared.
 */
export function encodeDeterministicCBOR(text: TextCodec, value: CBORValue): Uint8Array {
	return encode(new CBORWriter(text, true), value);
}

function encode(writer: CBORWriter, value: CBORValue): Uint8Array {
	writer.write(value);
	return writer.finish();
}
