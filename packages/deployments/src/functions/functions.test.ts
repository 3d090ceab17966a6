import { describe, expect, it } from 'vitest'
import { LiveReader, NotYetKnown, whenKnown } from '../resource-reader.ts'
import { outputsOf } from '../template/outputs.ts'
import { planDeployment } from '../template/plan.ts'
import { parseTemplate } from '../template/template.ts'
import { facts, groupId, template } from '../testing/scope.ts'

const nobody = new LiveReader([], {
  get: () => Promise.reject(new Error('nothing is there')),
  list: () => Promise.reject(new Error('nothing is there')),
})

/** What an expression comes to, by way of a parameter's default value: there `utcNow` may be used as well. */
function evaluated(expression: string, variables: Record<string, unknown> = {}): unknown {
  const inDefault = /utcNow|newGuid/.test(expression)
  const source = template({
    parameters: inDefault ? { p: { type: 'array', defaultValue: [`[${expression}]`] } } : {},
    variables: { ...variables, ...(!inDefault && { v: [`[${expression}]`] }) },
    outputs: { o: { type: 'array', value: inDefault ? "[parameters('p')]" : "[variables('v')]" } },
  })
  const plan = planDeployment({ template: parseTemplate(source), parameters: {}, facts })
  const { o } = outputsOf(plan, nobody) as { o: { value: unknown[] } }
  return o.value[0]
}

// Most are the examples of the functions' own pages.
describe('template functions', () => {
  it.each<[string, unknown]>([
    ["array('a')", ['a']],
    ["concat('a', 'b', 1)", 'ab1'],
    ['concat(createArray(1), createArray(2, 3))', [1, 2, 3]],
    ["contains('OneTwoThree', 'e')", true],
    ["contains(createObject('one', 'a'), 'ONE')", true],
    ["contains(createArray('a'), 'b')", false],
    ["createObject('a', 1, 'b', createArray())", { a: 1, b: [] }],
    ["empty('')", true],
    ["empty(json('{}'))", true],
    ['empty(null())', true],
    ["first('One Two')", 'O'],
    ["first(createArray('x', 'y'))", 'x'],
    ["last('abc')", 'c'],
    ['flatten(createArray(createArray(1), createArray(2, 3)))', [1, 2, 3]],
    ["indexOf('TEST', 't')", 0],
    ["lastIndexOf('abcdef', 'AB')", 0],
    ["indexOf(createArray('a', 'b'), 'b')", 1],
    ["intersection(createArray('a', 'b', 'c'), createArray('c', 'b'))", ['b', 'c']],
    ['intersection(json(\'{"a":1,"b":2}\'), json(\'{"b":2,"c":3}\'))', { b: 2 }],
    ['union(json(\'{"a":{"x":1}}\'), json(\'{"a":{"y":2},"b":3}\'))', { a: { x: 1, y: 2 }, b: 3 }],
    ["union(createArray('a', 'b'), createArray('b', 'c'))", ['a', 'b', 'c']],
    ["length('One')", 3],
    ["length(createObject('a', 1))", 1],
    ['max(0, 3, 2)', 3],
    ['min(createArray(4, 2))', 2],
    ['range(5, 3)', [5, 6, 7]],
    ["skip('one two three', 4)", 'two three'],
    ["take(createArray('a', 'b', 'c'), 2)", ['a', 'b']],
    ["tryGet(createObject('a', createArray('x')), 'a', 0)", 'x'],
    ["tryGet(createObject('a', 1), 'b')", null],
    ["tryIndexFromEnd(createArray('a', 'b'), 1)", 'b'],
    [
      'items(json(\'{"b":1,"a":2}\'))',
      [
        { key: 'a', value: 2 },
        { key: 'b', value: 1 },
      ],
    ],
    ['objectKeys(json(\'{"b":1,"a":2}\'))', ['a', 'b']],
    ['shallowMerge(createArray(json(\'{"a":1}\'), json(\'{"b":2}\')))', { a: 1, b: 2 }],
    ["coalesce(null(), null(), 'c')", 'c'],
    ["equals('a', 'A')", false],
    ['equals(json(\'{"a":[1]}\'), json(\'{"a":[1]}\'))', true],
    ["less('a', 'b')", true],
    ['greaterOrEquals(2, 2)', true],
    ["and(true(), bool('true'), not(false()))", true],
    ['or(false(), equals(1, 1))', true],
    ["if(true(), 'yes', div(1, 0))", 'yes'],
    ['add(5, 3)', 8],
    ['div(8, 3)', 2],
    ['mod(7, 3)', 1],
    ['mul(-3, 0)', 0],
    ["int('4')", 4],
    ["float('1.5')", 1.5],
    ["base64('one, two, three')", 'b25lLCB0d28sIHRocmVl'],
    ["base64ToString(base64('grüße'))", 'grüße'],
    ['base64ToJson(base64(\'{"a":"b"}\')).a', 'b'],
    ["dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')", 'Hello, World!'],
    ["dataUri('Hello')", 'data:text/plain;charset=utf8;base64,SGVsbG8='],
    ["endsWith('abcdef', 'F')", true],
    ["startsWith('abcdef', 'AB')", true],
    [
      "format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)",
      'Hello, User. Formatted number: 8,175,133',
    ],
    ["format('{{{0:D3}}} {1,-4}|{1,4}', 7, 'ab')", '{007} ab  |  ab'],
    ["join(createArray('one', 'two'), ',')", 'one,two'],
    ["padLeft('123', 10, '0')", '0000000123'],
    ["replace('123-123-1234', '-', '')", '1231231234'],
    ["split('one;two,three', createArray(',', ';'))", ['one', 'two', 'three']],
    ["string(createArray('a'))", '["a"]'],
    ['string(true())', 'True'],
    ["substring('one two three', 4, 3)", 'two'],
    ["toLower(toUpper('One'))", 'one'],
    ["trim('  one ')", 'one'],
    ["uniqueString('test')", 'rbgf3xv4ufgzg'],
    // UUID v5 of "a-b" in the function's documented namespace.
    ["length(guid('a', 'b'))", 36],
    ["equals(guid('a', 'b'), guid('a-b'))", true],
    ["uri('http://contoso.org/firstpath', 'myscript.sh')", 'http://contoso.org/myscript.sh'],
    ["uri('http://contoso.org/firstpath/', 'nested/x.json')", 'http://contoso.org/firstpath/nested/x.json'],
    ["uriComponentToString(uriComponent('a b/c'))", 'a b/c'],
    ['utcNow()', '20260131T123015Z'],
    ["utcNow('yyyy-MM-dd HH:mm')", '2026-01-31 12:30'],
    ["dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", '2023-04-07 14:53:14Z'],
    ["dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", '2020-03-29 14:53:14Z'],
    ["dateTimeAdd('2026-01-31T00:00:00Z', 'P1MT1H', 'yyyy-MM-dd HH')", '2026-02-28 01'],
    ["dateTimeToEpoch('2023-05-02T15:16:13Z')", 1683040573],
    ['dateTimeFromEpoch(1683040573)', '2023-05-02T15:16:13Z'],
    ["map(createArray(1, 2), lambda('x', add(lambdaVariables('x'), 1)))", [2, 3]],
    [
      "map(createArray('a', 'b'), lambda('x', 'i', format('{0}{1}', lambdaVariables('x'), lambdaVariables('i'))))",
      ['a0', 'b1'],
    ],
    ["filter(range(0, 5), lambda('x', greater(lambdaVariables('x'), 2)))", [3, 4]],
    ["reduce(range(1, 3), 10, lambda('c', 'n', add(lambdaVariables('c'), lambdaVariables('n'))))", 16],
    ["sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))", [1, 2, 3]],
    ["toObject(createArray('a'), lambda('k', lambdaVariables('k')), lambda('k', 1))", { a: 1 }],
    ["parseCidr('10.144.0.0/20').broadcast", '10.144.15.255'],
    ["cidrSubnet('10.144.0.0/20', 24, 1)", '10.144.1.0/24'],
    ["cidrHost('10.144.3.0/24', 0)", '10.144.3.1'],
    ["parseCidr('fdad:3236:5555::/48').lastUsable", 'fdad:3236:5555:ffff:ffff:ffff:ffff:ffff'],
    ["resourceId('Microsoft.KeyVault/vaults', 'v')", `${groupId}/providers/Microsoft.KeyVault/vaults/v`],
    [
      "resourceId('other', 'Microsoft.KeyVault/vaults/secrets', 'v', 's')",
      `${groupId.replace('/rg', '/other')}/providers/Microsoft.KeyVault/vaults/v/secrets/s`,
    ],
    [
      "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
      `${groupId.split('/resourceGroups')[0]}/providers/Microsoft.Authorization/roleDefinitions/r`,
    ],
    [
      "extensionResourceId(resourceGroup().id, 'Microsoft.Authorization/locks', 'l')",
      `${groupId}/providers/Microsoft.Authorization/locks/l`,
    ],
    [
      "tenantResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
      '/providers/Microsoft.Authorization/roleDefinitions/r',
    ],
    ['resourceGroup().location', 'westeurope'],
    ['subscription().subscriptionId', facts.subscription.id],
    ['tenant().tenantId', facts.tenantId],
    ['deployment().name', 'd1'],
    ['environment().suffixes.keyvaultDns', '.vault.azure.net'],
    ["createObject('a', 1).?b", null],
    ["createArray('a')[?4]", null],
    ["variables('list')[add(0, 1)]['name']", 'second'],
    ["'it''s'", "it's"],
  ])('%s', (expression, expected) => {
    expect(evaluated(expression, { list: [{ name: 'first' }, { name: 'second' }] })).toEqual(expected)
  })

  it('knows the texts that are no expressions', () => {
    const source = template({ outputs: { o: { type: 'array', value: ['[[not one]', '[open', 'plain'] } } })
    const plan = planDeployment({ template: parseTemplate(source), parameters: {}, facts })
    expect(outputsOf(plan, nobody).o).toEqual({ type: 'Array', value: ['[not one]', '[open', 'plain'] })
  })

  it.each([
    ["concat('a'", /expected token 'RightParenthesis' and actual 'EndOfData'/],
    ["concat('a') x", /expected token 'EndOfData' and actual 'Identifier'/],
    ['concat(#)', /unexpected token '#'/],
    ['nosuch()', /The template function 'nosuch' is not valid/],
    ["toLower('a', 'b')", /'toLower': function requires 1 argument\(s\) while 2 were provided/],
    ['toLower(1)', /expects its parameter to be a string. The provided value is of type 'Integer'/],
    ['add(1, true())', /expects its parameter to be an integer/],
    ['div(1, 0)', /the divisor is zero/],
    ["substring('abc', 2, 5)", /must refer to a location within the string/],
    ["createObject('a', 1).b", /property 'b' doesn't exist, available properties are 'a'/],
    ["createArray('a')[1]", /array index '1' is out of bounds/],
    ["parameters('nope')", /The template parameter 'nope' is not found/],
    ["variables('nope')", /The template variable 'nope' is not found/],
    ['copyIndex()', /'copyIndex' is not expected at this location/],
    ["reference('x')", /'reference' is not expected at this location/],
    ["json('{')", /not valid JSON/],
    ["resourceId('Microsoft.KeyVault/vaults', 'a', 'b')", /requires '1' resource name/],
    ["length(map(range(0, 9999), lambda('x', map(range(0, 9999), lambda('y', add(1, 1))))))", /exceeds the limits/],
  ])('refuses %s', (expression, message) => {
    expect(() => evaluated(expression)).toThrow(message)
  })

  it('stops values that grow out of all proportion', () => {
    const variables = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `v${i}`,
        i === 0 ? ['x'] : `[concat(variables('v${i - 1}'), variables('v${i - 1}'))]`,
      ]),
    )
    expect(() => evaluated("length(variables('v39'))", variables)).toThrow(/exceeds the limits/)
  })

  it('asks again only for what it does not know yet', async () => {
    let asked = 0
    const known = new Map<string, string>()
    const value = await whenKnown(() => {
      for (const name of ['a', 'b']) {
        if (!known.has(name)) {
          throw new NotYetKnown(async () => {
            asked += 1
            known.set(name, name)
          })
        }
      }
      return [...known.values()].join('')
    })
    expect([value, asked]).toEqual(['ab', 2])
  })
})
