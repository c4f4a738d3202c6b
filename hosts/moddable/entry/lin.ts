// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/platform` of a build for lin. */
export { default } from "moorline/dist/hosts/moddable/lin/platform";
