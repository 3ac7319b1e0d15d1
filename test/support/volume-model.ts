/**
 * A tree as plain as it can be: what a volume must show after each operation of `VolumeActions`. Inodes in a Map, bytes
 * in pages, no journal, no packs. Takes only operations that succeed; times are not modelled.
 */
import type { TreeSnapshot } from "./volume-check.ts";
import { hashBytes } from "./volume-check.ts";
import { SparseBytes } from "../model/sparse-bytes.ts";
import { FileType, TYPE_MASK } from "../../src/meta/inode.ts";

export const ROOT = 1;

export class ModelNode {
  readonly ino: number;
  mode: number;
  nlink = 0;
  uid = 0;
  gid = 0;
  target = "";
  readonly content: SparseBytes = new SparseBytes();
  readonly xattrs: Map<string, Uint8Array> = new Map();
  /** Of a directory: name to inode. */
  readonly entries: Map<string, number> = new Map();
  parent: number = ROOT;
  #hash: string | undefined;

  constructor(ino: number, mode: number) {
    this.ino = ino;
    this.mode = mode;
  }

  get type(): number {
    return this.mode & TYPE_MASK;
  }

  get isDirectory(): boolean {
    return this.type === FileType.DIRECTORY;
  }

  get isFile(): boolean {
    return this.type === FileType.REGULAR;
  }

  /** To be called after every change of the content. */
  touch(): void {
    this.#hash = undefined;
  }

  describe(): string {
    const parts = [`${this.ino} ${this.mode.toString(8)} ${this.uid}:${this.gid} n${this.nlink}`];
    if (this.isFile) {
      this.#hash ??= hashBytes(this.content.read(0, this.content.size));
      parts.push(`${this.content.size} ${this.#hash}`);
    }
    if (this.type === FileType.SYMLINK) parts.push(`-> ${this.target}`);
    for (const [name, value] of [...this.xattrs].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      parts.push(`${name}=${Buffer.from(value).toString("hex")}`);
    }
    return parts.join(" ");
  }
}

export class VolumeModel {
  readonly nodes: Map<number, ModelNode> = new Map();

  constructor() {
    const root = new ModelNode(ROOT, FileType.DIRECTORY | 0o755);
    root.nlink = 2;
    this.nodes.set(ROOT, root);
  }

  node(ino: number): ModelNode {
    const node = this.nodes.get(ino);
    if (node === undefined) throw new Error(`the model has no inode ${ino}`);
    return node;
  }

  /** In the order of their numbers. */
  files(): ModelNode[] {
    return [...this.nodes.values()].filter((node) => node.isFile);
  }

  directories(): ModelNode[] {
    return [...this.nodes.values()].filter((node) => node.isDirectory && node.nlink > 0);
  }

  orphans(): ModelNode[] {
    return [...this.nodes.values()].filter((node) => node.nlink === 0);
  }

  /** Every name: its directory, itself, and what it names. */
  names(): { parent: ModelNode; name: string; node: ModelNode }[] {
    const names: { parent: ModelNode; name: string; node: ModelNode }[] = [];
    for (const parent of this.directories()) {
      for (const [name, ino] of parent.entries) names.push({ parent, name, node: this.node(ino) });
    }
    return names;
  }

  add(parent: ModelNode, name: string, node: ModelNode): void {
    this.nodes.set(node.ino, node);
    parent.entries.set(name, node.ino);
    node.nlink = 1;
    if (!node.isDirectory) return;
    node.nlink = 2;
    node.parent = parent.ino;
    parent.nlink++;
  }

  /** Takes a name away, of whatever it names; the inode stays, perhaps as an orphan. */
  removeName(parent: ModelNode, name: string): void {
    const node = this.node(parent.entries.get(name)!);
    parent.entries.delete(name);
    if (node.isDirectory) {
      node.nlink = 0;
      parent.nlink--;
    } else node.nlink--;
  }

  rename(parent: ModelNode, name: string, to: { parent: ModelNode; name: string }): void {
    const ino = parent.entries.get(name)!;
    if (to.parent.entries.get(to.name) === ino) return;
    if (to.parent.entries.has(to.name)) this.removeName(to.parent, to.name);
    parent.entries.delete(name);
    to.parent.entries.set(to.name, ino);
    const node = this.node(ino);
    if (!node.isDirectory) return;
    parent.nlink--;
    to.parent.nlink++;
    node.parent = to.parent.ino;
  }

  /** Whether `node` is `directory` or lies above it. */
  isAbove(node: ModelNode, directory: ModelNode): boolean {
    for (let at = directory; ; at = this.node(at.parent)) {
      if (at === node) return true;
      if (at.ino === ROOT) return false;
    }
  }

  snapshot(): TreeSnapshot {
    const tree: TreeSnapshot = new Map();
    const visit = (node: ModelNode, path: string): void => {
      tree.set(path, node.describe());
      for (const [name, ino] of node.entries) {
        visit(this.node(ino), path === "" ? name : `${path}/${name}`);
      }
    };
    visit(this.node(ROOT), "");
    for (const node of this.orphans()) tree.set(`orphan ${node.ino}`, node.describe());
    return tree;
  }
}
