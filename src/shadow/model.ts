// SPDX-License-Identifier: Apache-2.0
/**
 * What a shadow holds, declared once: the types that the compiler checks, what is taken from the cloud and what not,
 * and for each field how a change made here and one made there become one.
 *
 * ```ts
 * const lamp = model({
 * 	on: boolean({ merge: "last" }),
 * 	brightness: number({ merge: "cloud" }),
 * 	starts: number({ merge: "sum" }),
 * 	colour: { hue: number(), saturation: number() },
 * });
 * ```
 *
 * A model is a constant: preloaded, it takes no memory. Members that it does not have are left out of what the cloud
 * says, without a word: a cloud speaks to older firmware, too.
 */
import { DeviceError } from "../base/error.js";
import { checkMember, isObject, own, type JSONObject, type JSONValue } from "./document.js";

/**
 * Who has his way when the device changed a field that the cloud changed, too, since they last agreed. What only one of
 * them changed goes to the other in any case.
 *
 * | rule      | outcome                                                                                        |
 * |-----------|------------------------------------------------------------------------------------------------|
 * | `device`  | what the device reports                                                                        |
 * | `cloud`   | what the cloud desires                                                                         |
 * | `maximum` | the larger number                                                                              |
 * | `sum`     | both changes added up: a counter on which both sides count                                     |
 * | `last`    | the later change by the wall clocks; the cloud's where the device did not know the time        |
 *
 * A field without a rule is the vendor's plain shadow: what is desired stands, and the device never writes to it.
 */
export type Rule = "device" | "cloud" | "maximum" | "sum" | "last";

export interface Field<Value, Optional extends boolean = boolean> {
	readonly kind: "boolean" | "number" | "string" | "list";
	readonly merge: Rule | undefined;
	readonly optional?: Optional;
	/** Of the type only: there is no such member. */
	readonly value?: Value;
}

export interface Model { readonly [member: string]: Field<JSONValue> | Model }

/** What a document of a model may hold; any of it may be missing. */
export type Document<M> = M extends Model
	? { -readonly [Member in keyof M]?: M[Member] extends Field<infer Value> ? Value : Document<M[Member]> }
	: JSONObject;

/** A document that is whole: but for what is optional, nothing of it may be missing. */
export type Whole<M> = M extends Model
	? { -readonly [Member in keyof M as M[Member] extends Field<JSONValue, true> ? never : Member]: Held<M[Member]> }
		& {
			-readonly [Member in keyof M as M[Member] extends Field<JSONValue, true> ? Member : never]?: Held<M[Member]>
		}
	: JSONObject;

type Held<Member> = Member extends Field<infer Value> ? Value : Whole<Member>;

/** A change: null deletes. */
export type Patch<M> = M extends Model
	? { -readonly [Member in keyof M]?: (M[Member] extends Field<infer Value> ? Value : Patch<M[Member]>) | null }
	: JSONObject;

/** Rules that make sense for values that are no numbers. */
type PlainRule = "device" | "cloud" | "last";

export interface FieldOptions<R extends Rule, Optional extends boolean = boolean> {
	merge?: R | undefined;
	/** What a command is given, or gives, may lack it; a shadow may lack any of its fields. Default: false. */
	optional?: Optional | undefined;
}

export function boolean<Optional extends boolean = false>(
	options?: FieldOptions<PlainRule, Optional>,
): Field<boolean, Optional> {
	return field("boolean", options);
}

export function number<Optional extends boolean = false>(
	options?: FieldOptions<Rule, Optional>,
): Field<number, Optional> {
	return field("number", options);
}

export function string<Optional extends boolean = false>(
	options?: FieldOptions<PlainRule, Optional>,
): Field<string, Optional> {
	return field("string", options);
}

/** An array, which is replaced whole. */
export function list<Item extends JSONValue, Optional extends boolean = false>(
	options?: FieldOptions<PlainRule, Optional>,
): Field<Item[], Optional> {
	return field("list", options);
}

/** As it is given, frozen: the type is what counts. @throws DeviceError `argument` for what is no model */
export function model<const M extends Model>(members: M): M {
	const work: Model[] = [members];
	for (let next = work.pop(); next !== undefined; next = work.pop()) {
		Object.freeze(next);
		for (const member of Object.keys(next)) {
			const inner = next[member]!;
			if (!isObject(inner)) throw new DeviceError("argument", `${member} is neither a field nor a group`);
			if (!isField(inner)) work.push(inner);
		}
	}
	return members;
}

function field<Value extends JSONValue, Optional extends boolean>(
	kind: Field<Value>["kind"], options: FieldOptions<Rule, Optional> | undefined,
): Field<Value, Optional> {
	const merge = options?.merge;
	// What it is not takes no slot.
	return Object.freeze(options?.optional ? { kind, merge, optional: options.optional } : { kind, merge });
}

export function isField(member: Field<JSONValue> | Model): member is Field<JSONValue> {
	// A group may have a member of that name, but then it is a field or a group.
	return typeof member["kind"] === "string";
}

/** All member names of a model, groups included: what may become a property. */
export function memberNames(model: Model): string[] {
	const names: string[] = [];
	const work: Model[] = [model];
	for (let next = work.pop(); next !== undefined; next = work.pop()) {
		for (const member of Object.keys(next)) {
			if (!names.includes(member)) names.push(member);
			const inner = next[member]!;
			if (!isField(inner)) work.push(inner);
		}
	}
	return names;
}

export function hasRule(model: Model, rule: Rule): boolean {
	const work: Model[] = [model];
	for (let next = work.pop(); next !== undefined; next = work.pop()) {
		for (const member of Object.keys(next)) {
			const inner = next[member]!;
			if (!isField(inner)) work.push(inner);
			else if (inner.merge === rule) return true;
		}
	}
	return false;
}

/** Who wants to see fields; an object, because a closure takes eleven slots. */
export interface FieldVisitor {
	/** `path` is borrowed. */
	visit(path: readonly string[], field: Field<JSONValue>): void;
}

/** Shows `visitor` each field that has a rule. */
export function visitRules(model: Model, visitor: FieldVisitor): void {
	const groups: Model[] = [model];
	const levels = [0];
	const names = [""];
	const path: string[] = [];
	for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
		const level = levels.pop()!;
		const name = names.pop()!;
		if (level > 0) {
			path.length = level - 1;
			path.push(name);
		}
		path.length = level;
		const members = Object.keys(group);
		for (let at = 0; at < members.length; at++) {
			const member = members[at]!;
			const inner = group[member]!;
			if (!isField(inner)) {
				groups.push(inner);
				levels.push(level + 1);
				names.push(member);
			} else if (inner.merge !== undefined) {
				path.push(member);
				visitor.visit(path, inner);
				path.length = level;
			}
		}
	}
}

/**
 * Takes out of `document` what the model, if there is one, does not have.
 * @param keepNull leaves null, which marks what the device deleted; the cloud's documents hold none
 * @returns the name of a member that is of another type than declared, and was taken out, too
 * @throws DeviceError `malformed` for a member that no document can have
 */
export function prune(model: Model | undefined, document: JSONObject, keepNull: boolean): string | undefined {
	let misfit: string | undefined;
	const groups = [model];
	const documents = [document];
	for (let from = documents.pop(); from !== undefined; from = documents.pop()) {
		const group = groups.pop();
		for (const member of Object.keys(from)) {
			checkMember(member, "malformed");
			const declared = group && memberOf(group, member);
			const value = from[member]!;
			if ((value === null && !keepNull) || (group !== undefined && declared === undefined)) {
				delete from[member];
			} else if (value !== null && declared !== undefined && !fits(declared, value)) {
				delete from[member];
				misfit = member;
			} else if (isObject(value)) {
				groups.push(declared as Model | undefined);
				documents.push(value);
			}
		}
	}
	return misfit;
}

/** @throws DeviceError `argument` for a member that the model does not have, or has with another type */
export function checkPatch(model: Model, patch: JSONObject): void {
	const misfit = misfitOf(model, patch);
	if (misfit === undefined) return;
	throw new DeviceError("argument", `${misfit} is not in the shadow's model, or has another type there`);
}

/** The name of a member that the model does not have, or has with another type; null fits everywhere. */
export function misfitOf(model: Model, patch: JSONObject): string | undefined {
	const models: Model[] = [model];
	const patches: JSONObject[] = [patch];
	for (let from = patches.pop(); from !== undefined; from = patches.pop()) {
		const group = models.pop()!;
		for (const member of Object.keys(from)) {
			const declared = memberOf(group, member);
			const value = from[member];
			if (declared === undefined || (value !== null && !fits(declared, value))) return member;
			if (isObject(value)) {
				models.push(declared as Model);
				patches.push(value);
			}
		}
	}
	return undefined;
}

/** What of `document` is not as the model has it, of which only what is optional may be missing; "" for nothing. */
export function flawOf(model: Model, document: JSONObject): string {
	const models: Model[] = [model];
	const documents = [document];
	for (let from = documents.pop(); from !== undefined; from = documents.pop()) {
		const group = models.pop()!;
		for (const member of Object.keys(from)) {
			if (!Object.hasOwn(group, member)) return `${member} is not known`;
		}
		for (const member of Object.keys(group)) {
			const declared = group[member]!;
			const value = own(from, member);
			if (value === undefined) {
				if (isField(declared) && declared.optional) continue;
				return `${member} is missing`;
			}
			if (!fits(declared, value)) return `${member} is no ${isField(declared) ? declared.kind : "group"}`;
			if (isObject(value)) {
				models.push(declared as Model);
				documents.push(value);
			}
		}
	}
	return "";
}

function memberOf(group: Model, member: string): Field<JSONValue> | Model | undefined {
	return Object.hasOwn(group, member) ? group[member] : undefined;
}

function fits(declared: Field<JSONValue> | Model, value: unknown): boolean {
	if (!isField(declared)) return isObject(value);
	return declared.kind === "list" ? Array.isArray(value) : typeof value === declared.kind;
}
