// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated shadow service against documents carried over from another one that devices use at the edge.
 *
 * The two agree except where it is said: at the edge null clears a whole state and a delta within the state is taken;
 * AWS's own table of errors refuses both. What is not told there either way is an option (`keepsEmptyObjects`).
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { described, difference, updated } from "../../hosts/simulator/clouds/aws/document.js";
import type { JsonObject } from "../../hosts/simulator/services/json.js";
import { isObject } from "../../hosts/simulator/services/json.js";
import vectors from "../vectors/shadow-merge.json" with { type: "json" };
import { AwsScene, THING } from "./aws-scene.js";

const NONE = { version: 0, desired: undefined, reported: undefined };
/** The state of a document, without the prototypes that it lacks. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** The answers to one update of a document that says `before`. */
function answersTo(update: object, before?: object): Map<string, JsonObject> {
	const scene = new AwsScene();
	if (before) scene.aws.shadows.update(THING, before);
	const client = scene.thing().listen(`$aws/things/${THING}/shadow/update/+`);
	client.say(`$aws/things/${THING}/shadow/update`, update);
	return new Map(client.heard().map(({ topic, body }) => [topic.split("/").at(-1)!, body as JsonObject]));
}

suite("AWS shadow: merges of the vectors", () => {
	/** Within a section, a member that is null is gone; at the edge it is the state and stays, empty. */
	const CLEARED: Readonly<Record<string, unknown>> = { "null state clears": {} };

	for (const { name, original, patch, result } of vectors.shadowMerge) {
		// A section is never an array.
		if (!isObject(original) || (patch !== null && !isObject(patch))) continue;
		test(name, () => {
			const before = updated(NONE, { desired: original }, 0, true);
			const { state } = described(updated(before, { desired: patch }, 0, true));
			assert.deepEqual(plain(state["desired"] ?? {}), CLEARED[name] ?? result);
		});
	}
});

suite("AWS shadow: updates of the vectors", () => {
	/** Taken at the edge, refused by AWS. */
	const REFUSED_BY_AWS = ['{"state":null}', '{"state":{"desired":{"name":"A"},"reported":{"name":"B"},"delta":{"name":"A"}}}'];

	for (const update of vectors.validUpdate) {
		const text = JSON.stringify(update);
		const isTaken = !REFUSED_BY_AWS.includes(text);
		test(`${text} is ${isTaken ? "accepted" : "rejected, other than at the edge"}`, () => {
			const answers = answersTo(update, "version" in update ? {} : undefined);
			assert.deepEqual([answers.has("accepted"), answers.has("rejected")], [isTaken, !isTaken]);
		});
	}
	for (const update of vectors.invalidUpdate) {
		test(`${JSON.stringify(update)} is rejected`, () => {
			assert.equal(answersTo(update).get("rejected")?.["code"], 400);
		});
	}
	test("six levels are accepted, seven are not", () => {
		assert.ok(answersTo(vectors.depth.accepted).has("accepted"));
		assert.equal(answersTo(vectors.depth.rejected).get("rejected")?.["code"], 400);
	});
});

suite("AWS shadow: deltas of the vectors", () => {
	for (const { name, reportedBefore, update, version, delta } of vectors.deltaSequences) {
		test(name, () => {
			const answers = answersTo({ state: update }, { reported: reportedBefore });
			assert.equal(answers.get("accepted")?.["version"], version[1]);
			assert.deepEqual(answers.get("delta")?.["state"], delta ?? undefined);
			const [previous, current] = [answers.get("documents")?.["previous"], answers.get("documents")?.["current"]] as JsonObject[];
			assert.deepEqual([previous?.["version"], current?.["version"]], version);
			assert.deepEqual(previous?.["state"], { reported: reportedBefore });
		});
	}

	test("the worked document: initial, update, new document, delta", () => {
		const { good_initial_document: initial, good_update_document_with_desired: update, good_new_document: next, good_delta_node: delta } = vectors.fixtures;
		const before = updated(NONE, initial.state, 0, false);
		const after = updated(before, update.state, 0, false);
		assert.deepEqual([plain(described(after).state), after.version], [next.state, next.version]);
		assert.deepEqual(plain(difference(after)?.state), delta.state);
		const answers = answersTo(update, initial.state);
		const { version, state, clientToken } = answers.get("delta")!;
		assert.deepEqual({ version, state, clientToken }, delta);
	});

	test("bad documents are refused", () => {
		const { fixtures } = vectors;
		const codes = [
			fixtures.bad_update_document_with_delta_node, fixtures.bad_update_document_with_depth, fixtures.bad_update_document_with_state_node_as_value_node,
			fixtures.bad_update_document_without_state_node, fixtures.bad_version_update_document, fixtures.bad_version_update_document_with_higher_version_number,
		].map(update => answersTo(update, {}).get("rejected")?.["code"]);
		assert.deepEqual(codes, [400, 400, 400, 400, 400, 409]);
	});
});
