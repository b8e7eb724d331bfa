"""JUnit and the in-toto statement, read by their own libraries, must say what the JSON report says."""
import json
import sys
from pathlib import Path

from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from junitparser import Error, Failure, JUnitXml, Skipped

folder = Path(sys.argv[1])
report = json.loads((folder / "report.json").read_text())
totals, troubles = report["totals"], len(report["troubles"])

packed = report["verdicts"]
verdicts = [{name: value for place in row for name, value in packed["parts"][place].items()} for row in packed["rows"]]
counts = {name: sum(verdict["verdict"] == name for verdict in verdicts) for name in totals}
assert counts == totals, (counts, totals)
known = sum(verdict["known"] is not None for verdict in verdicts)
cases = len(verdicts) - totals["n/a"] + troubles
wanted = (cases, totals["fail"] - known, totals["error"] + troubles, totals["skipped"] + known)
junit = JUnitXml.fromfile(str(folder / "junit.xml"))
cases = [case for suite in junit for case in suite]
count = lambda kind: sum(isinstance(result, kind) for case in cases for result in case.result)
counted = (len(cases), count(Failure), count(Error), count(Skipped))
said = (junit.tests, junit.failures, junit.errors, junit.skipped)
assert wanted == counted == said, (wanted, counted, said)
times = {suite.name: round(suite.time * 1000) for suite in junit if suite.time is not None and suite.name in report["scenarios"]}
assert times == report["scenario_milliseconds"], (times, report["scenario_milliseconds"])

text = (folder / "statement.json").read_text()
message = json_format.Parse(text, statement_pb2.Statement())
Statement.copy_from_pb(message).validate()
predicate = json_format.ParseDict(json.loads(text)["predicate"], test_result_pb2.TestResult())
named = (len(predicate.passed_tests), len(predicate.warned_tests), len(predicate.failed_tests))
assert named == (totals["pass"], totals["warn"] + known, totals["fail"] - known), named
assert message.subject[0].digest["sha256"] == report["exporter"]["sha256"].removeprefix("sha256:")
print(f"junit {said}, in-toto {predicate.result} {named}: as the JSON report")
