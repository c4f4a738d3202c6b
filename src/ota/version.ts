// SPDX-License-Identifier: Apache-2.0
/**
 * Versions and which is newer (Semantic Versioning 2.0.0).
 *
 * Without regular expressions, which take all of the device's stack. Numbers are compared as digits: they may be longer
 * than what a number holds.
 */
import { UpdateError } from "./failure.js";

/** Characters of a version. */
export const VERSION_MAXIMUM = 64;
/** Of major, minor and patch. */
const NUMBERS = 3;

/** What decides precedence: the identifiers in their order. */
interface Version {
	readonly core: readonly string[];
	/** Empty for a release. */
	readonly prerelease: readonly string[];
}

/** Whether `text` is a version. Spec: SemVer 2.0.0 §2, §9, §10. */
export function isVersion(text: string): boolean {
	return parse(text) !== undefined;
}

/**
 * Below 0 when `left` is older than `right`, above when it is newer, and 0 when neither is: metadata of the build do
 * not count. Spec: SemVer 2.0.0 §11.
 * @throws UpdateError `malformed` when one of them is no version
 */
export function compareVersions(left: string, right: string): number {
	const one = parsed(left);
	const other = parsed(right);
	const core = compareLists(one.core, other.core);
	if (core !== 0) return core;
	// A version is newer than those that led to it.
	if (one.prerelease.length === 0 || other.prerelease.length === 0) {
		return other.prerelease.length - one.prerelease.length;
	}
	return compareLists(one.prerelease, other.prerelease);
}

function parsed(text: string): Version {
	const version = parse(text);
	if (version === undefined) throw new UpdateError("malformed", "a version that is none");
	return version;
}

function parse(text: string): Version | undefined {
	if (text.length > VERSION_MAXIMUM) return undefined;
	const plus = text.indexOf("+");
	const precedence = plus < 0 ? text : text.slice(0, plus);
	if (plus >= 0 && !text.slice(plus + 1).split(".").every(isIdentifier)) return undefined;
	const hyphen = precedence.indexOf("-");
	const core = (hyphen < 0 ? precedence : precedence.slice(0, hyphen)).split(".");
	if (core.length !== NUMBERS || !core.every(isCoreNumber)) return undefined;
	const prerelease = hyphen < 0 ? [] : precedence.slice(hyphen + 1).split(".");
	return prerelease.every(isPrerelease) ? { core, prerelease } : undefined;
}

function isCoreNumber(identifier: string): boolean {
	return isNumber(identifier) && isPrerelease(identifier);
}

/** Numbers have no zeros in front. */
function isPrerelease(identifier: string): boolean {
	return isIdentifier(identifier) && !(identifier.length > 1 && identifier.startsWith("0") && isNumber(identifier));
}

function isIdentifier(identifier: string): boolean {
	for (const character of identifier) if (!isDigit(character) && !isLetter(character)) return false;
	return identifier !== "";
}

function isNumber(identifier: string): boolean {
	for (const character of identifier) if (!isDigit(character)) return false;
	return identifier !== "";
}

function isDigit(character: string): boolean {
	return character >= "0" && character <= "9";
}

/** Or a hyphen, which identifiers may have as well. */
function isLetter(character: string): boolean {
	return character >= "a" && character <= "z" || character >= "A" && character <= "Z" || character === "-";
}

function compareLists(left: readonly string[], right: readonly string[]): number {
	const count = Math.min(left.length, right.length);
	for (let index = 0; index < count; index++) {
		const difference = compareIdentifiers(left[index]!, right[index]!);
		if (difference !== 0) return difference;
	}
	return left.length - right.length;
}

function compareIdentifiers(left: string, right: string): number {
	const isLeftNumber = isNumber(left);
	if (isLeftNumber !== isNumber(right)) return isLeftNumber ? -1 : 1;
	if (isLeftNumber && left.length !== right.length) return left.length - right.length;
	if (left === right) return 0;
	return left < right ? -1 : 1;
}
