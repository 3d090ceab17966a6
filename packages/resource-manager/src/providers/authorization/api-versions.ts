/** The api-versions of Microsoft.Authorization that are answered, newest first. */
export const authorizationApiVersions: readonly string[] = [
  '2022-05-01-preview',
  '2022-04-01',
  '2021-04-01-preview',
  '2020-10-01-preview',
  '2020-08-01-preview',
  '2020-04-01-preview',
  '2020-03-01-preview',
  '2018-12-01-preview',
  '2018-09-01-preview',
  '2018-07-01',
  '2018-05-01-preview',
  '2018-01-01-preview',
  '2017-10-01-preview',
  '2016-07-01',
  '2015-07-01',
  '2015-06-01',
]
