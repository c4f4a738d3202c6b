// SPDX-License-Identifier: Apache-2.0
/** What a document can hold, and its members: of any name, and whatever objects inherit. */

export type JSONValue = null | boolean | number | string | JSONValue[] | JSONObject;
export interface JSONObject { [member: string]: JSONValue }

export function isObject(value: unknown): value is JSONObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member of the object itself. */
export function own<Value>(object: Readonly<Record<string, Value>>, member: string): Value | undefined {
	return Object.hasOwn(object, member) ? object[member] : undefined;
}

/** Sets a member of any name: where built-ins are frozen, as on the device, assigning to `toString` would throw. */
export function put<Value>(into: Record<string, Value>, member: string, value: Value): void {
	if (member in Object.prototype) {
		Object.defineProperty(into, member, { value, writable: true, enumerable: true, configurable: true });
	} else {
		into[member] = value;
	}
}
