/** The volume as a FuseFilesystem: one part a noun, over one context. */
import type { FuseFilesystem } from "../../fuse/filesystem.ts";
import { VolumeAttributes } from "./attribute-operations.ts";
import { VolumeDirectories } from "./directory-operations.ts";
import { VolumeFiles } from "./file-operations.ts";
import type { FrontEndContext } from "./front-end-context.ts";
import { VolumeNames } from "./name-operations.ts";
import { VolumeWhole } from "./volume-operations.ts";
import { VolumeXattrs } from "./xattr-operations.ts";

export function volumeFilesystem(context: FrontEndContext): FuseFilesystem {
  return {
    names: new VolumeNames(context),
    attributes: new VolumeAttributes(context),
    files: new VolumeFiles(context),
    directories: new VolumeDirectories(context),
    volume: new VolumeWhole(context),
    xattrs: new VolumeXattrs(context),
  };
}
