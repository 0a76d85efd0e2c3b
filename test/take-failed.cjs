// Takes the files that failed out of a report that jest wrote, and prints their names: they are tried once more, and what
// then comes of them counts.
//
//   node test/take-failed.cjs REPORT
const { readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const [, , file] = process.argv;
const report = JSON.parse(readFileSync(file, 'utf8'));
const isFailed = ({ status }) => status === 'failed';
const failed = report.testResults.filter(isFailed);
if (failed.length === 0) throw new Error('the run failed, and none of its files did');
writeFileSync(file, JSON.stringify({ ...report, testResults: report.testResults.filter((each) => !isFailed(each)) }));
for (const { name } of failed) process.stdout.write(`${path.relative(process.cwd(), name)}\n`);
