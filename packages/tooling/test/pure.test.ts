import { assert, describe, expect, it } from "@effect/vitest"
import { bundle } from "../src/bundles.ts"
import { markPure } from "../src/pure.ts"
import { folderWith } from "./support.ts"

const marked = (text: string): string => markPure("a.js", text).code.replaceAll("/*#__PURE__*/ ", "@")

describe("markPure", () => {
  it.each([
    ["const a = f(g())", "const a = @f(@g())"],
    ["const a = f(1)(2).pipe(g)", "const a = @f(1)(2).pipe(g)"],
    ["export const a = new Map([f()])", "export const a = @new Map([@f()])"],
    ["class A extends Tag(\"A\")() {}", "class A extends @Tag(\"A\")() {}"],
    ["class A { static a = f() }", "class A { static a = @f() }"]
  ])("marks the calls that run when the module is loaded: %s", (text, expected) => {
    assert.strictEqual(marked(text), expected)
  })

  it.each(["const a = () => f()", "function a() { f() }", "class A { a = f(); b() { f() } }"])(
    "marks no call that runs later: %s",
    (text) => assert.strictEqual(marked(text), text)
  )

  it("marks no call that is a statement, since such a call has an effect", () => {
    assert.strictEqual(marked("register(f())"), "register(@f())")
  })

  it("lets a bundler drop the exports that no module uses", async () => {
    const used = `import { f } from "peer"\nexport const c = () => f("used")`
    const unused = `export const a = f(f(1)).pipe(f)\nexport class B extends f("B")() {}`
    const text = `${used}\n${unused}`
    const folder = folderWith({ "marked.js": markPure("a.js", text).code, "plain.js": text, "used.js": used })
    const sizeOf = async (file: string): Promise<number> =>
      (await bundle({ name: file, source: `export { c } from "./${file}"` }, folder, ["peer"])).minified
    assert.strictEqual(await sizeOf("marked.js"), await sizeOf("used.js"))
    expect(await sizeOf("plain.js")).toBeGreaterThan(await sizeOf("used.js"))
  })
})
