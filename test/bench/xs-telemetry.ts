// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: our CBOR codec at work, `cbor-x`, the engine's own JSON and ours. */
import { Decoder, Encoder } from "cbor-x/index-no-eval";
import host from "../../hosts/xs/index.js";
import { parseJSON } from "../../src/bytes/json.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import { encodeCBOR } from "../../src/cbor/encode.js";
import { perform } from "./xs-perform.js";
import { TELEMETRY, TELEMETRY_TASKS } from "./telemetry.js";

const { text } = host;
/** Of plain maps, as everybody else has them. */
const OPTIONS = { useRecords: false, mapsAsObjects: true, tagUint8Array: false };

perform(TELEMETRY_TASKS, ({ codec, direction }) => {
	if (codec === "json") {
		const json = JSON.stringify(TELEMETRY);
		return direction === "encode" ? times(() => JSON.stringify(TELEMETRY)) : times(() => JSON.parse(json) as unknown);
	}
	const vocabulary = new Vocabulary([...Object.keys(TELEMETRY), "x", "y"]);
	if (codec === "bounded json") {
		const json = new Uint8Array(text.byteLength(JSON.stringify(TELEMETRY)));
		text.encode(JSON.stringify(TELEMETRY), json, 0);
		return direction === "encode" ? times(() => JSON.stringify(TELEMETRY)) : times(() => parseJSON(text, json, 0, json.byteLength, vocabulary));
	}
	const bytes = encodeCBOR(text, TELEMETRY);
	if (codec === "cbor-x") {
		const encoder = new Encoder(OPTIONS), decoder = new Decoder(OPTIONS);
		return direction === "encode" ? times(() => encoder.encode(TELEMETRY)) : times(() => decoder.decode(bytes) as unknown);
	}
	return direction === "encode" ? times(() => encodeCBOR(text, TELEMETRY)) : times(() => decodeCBOR(text, bytes, 0, bytes.byteLength, vocabulary));
});

function times(once: () => unknown): (count: number) => void {
	return (count) => { for (let index = 0; index < count; index++) once(); };
}
