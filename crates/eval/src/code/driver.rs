//! The Python around an answer. The answer's file is run, not imported, as its writer expects.

const SOLUTION: &str = "solution.py";

/// Names that LiveCodeBench's runner gives to answers, which often leave the imports out.
const IMPORTS: &str = "\
import sys, os, re, io, math, json, time, copy, heapq, bisect, string, random, operator
import datetime, itertools, functools, collections, statistics
from typing import *
from string import *
from collections import *
from heapq import *
from bisect import *
from copy import *
from math import *
from random import *
from statistics import *
from itertools import *
from functools import *
from operator import *
";

/// Runs the answer and then its tests in the same names; prints the word from standard input at the
/// end, past whatever the answer did to standard output.
const ASSERTS: &str = "\
import os, sys
sys.setrecursionlimit(50000)
_word = sys.stdin.readline().strip()
_out = os.dup(1)
_tests = open('tests.py').read()
_code = open('solution.py').read()
os.remove('tests.py')
_names = {'__name__': 'solution'}
exec(compile(_code, 'solution.py', 'exec'), _names)
exec(compile(_tests, 'tests.py', 'exec'), _names)
os.write(_out, _word.encode())
";

const STREAMS: &str = "\
import sys
sys.setrecursionlimit(50000)
_names = {'__name__': '__main__'}
exec(open('imports.py').read(), _names)
exec(compile(open('solution.py').read(), 'solution.py', 'exec'), _names)
";

/// Prints the word and the result as JSON after whatever the answer prints.
const CALLS: &str = "\
import json, os, sys
sys.setrecursionlimit(50000)
_word = sys.stdin.readline().strip()
_arguments = json.loads(sys.stdin.read())
_function = open('function.txt').read()
_names = {'__name__': 'solution'}
exec(open('imports.py').read(), _names)
exec(compile(open('solution.py').read(), 'solution.py', 'exec'), _names)
_owner = _names['Solution']() if 'Solution' in _names else None
_call = getattr(_owner, _function) if _owner is not None else _names[_function]
_result = _call(*_arguments)
sys.stdout.flush()
print(_word + json.dumps(_result))
";

/// Files of a run against assertions; the first is run.
pub(super) fn asserts(code: &str, tests: &str) -> Vec<(String, String)> {
    files(ASSERTS, code, &[("tests.py", tests)])
}

/// Files of a run that reads standard input.
pub(super) fn streams(code: &str) -> Vec<(String, String)> {
    files(STREAMS, code, &[("imports.py", IMPORTS)])
}

/// Files of a call.
pub(super) fn calls(code: &str, function: &str) -> Vec<(String, String)> {
    files(CALLS, code, &[("imports.py", IMPORTS), ("function.txt", function)])
}

fn files(driver: &str, code: &str, others: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = [("driver.py", driver), (SOLUTION, code)];
    all.iter().chain(others).map(|(name, text)| ((*name).into(), (*text).into())).collect()
}
