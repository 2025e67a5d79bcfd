"""Makes the data of the comparison, times the Python packages on it, and prints the ratios.

    peers.py data DIR ROWS…     writes DIR/ROWS.csv (columns a, b, c, d) and DIR/ROWS.start.json
    peers.py time DIR ROWS      prints one line a task: name, CPU seconds, figure of merit
    peers.py report DIR ROWS…   prints the table from DIR/{ours.before,ours.after,theirs}.ROWS
"""

import json
import sys
import time
import warnings
from pathlib import Path

STATES, WIDTH = 3, 4


def start():
    """The stated start of the hidden Markov model: the same for both sides."""
    return {
        "startprob": [1 / STATES] * STATES,
        "transmat": [[0.9 if i == j else 0.1 / (STATES - 1) for j in range(STATES)] for i in range(STATES)],
        "means": [[(i - (STATES - 1) / 2) * 0.8] * WIDTH for i in range(STATES)],
        "covars": [[[(0.5 + i) if r == c else 0.0 for c in range(WIDTH)] for r in range(WIDTH)] for i in range(STATES)],
    }


def data(folder, counts):
    """Three planted regimes of four columns; column a has regimes of variance as well."""
    import numpy as np

    for count in counts:
        chance = np.random.default_rng(count)
        state, rows = 0, []
        for _ in range(count):
            if chance.random() < 0.02:
                state = int(chance.integers(STATES))
            rows.append((state - 1) * 0.8 + chance.normal(size=WIDTH) * (0.5 + 0.5 * state))
        lines = ["a,b,c,d"] + [",".join(repr(float(cell)) for cell in row) for row in rows]
        (folder / f"{count}.csv").write_text("\n".join(lines) + "\n")
        (folder / f"{count}.start.json").write_text(json.dumps(start()))


def timed(task, repeats):
    """Median CPU seconds of a task, and what it returned last."""
    spent = []
    for _ in range(repeats):
        begun = time.process_time()
        result = task()
        spent.append(time.process_time() - begun)
    return sorted(spent)[len(spent) // 2], result


def peers(folder, count):
    import numpy as np
    from hmmlearn.hmm import GaussianHMM
    from jumpmodels.jump import JumpModel
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    warnings.simplefilter("ignore")
    table = np.loadtxt(folder / f"{count}.csv", delimiter=",", skiprows=1)
    begin = start()

    def hidden():
        model = GaussianHMM(
            STATES, "full", n_iter=20, tol=-np.inf, init_params="", implementation="scaling", min_covar=0.0,
            covars_prior=0.0, covars_weight=0.0,
        )
        model.startprob_, model.transmat_ = np.array(begin["startprob"]), np.array(begin["transmat"])
        model.means_, model.covars_ = np.array(begin["means"]), np.array(begin["covars"])
        return model.fit(table).score(table)

    def switching():
        return MarkovRegression(table[:, 0], k_regimes=2, switching_variance=True).fit().llf

    def jump():
        return JumpModel(n_components=STATES, jump_penalty=50.0, n_init=10, random_state=0).fit(table).val_

    for name, task, repeats in [
        ("hmm: 20 EM steps, k=3 d=4", hidden, 5),
        ("ms: fit, 2 regimes of mean and variance", switching, 3),
        ("jump: k=3 d=4, 10 starts", jump, 1 if count > 2_000 else 3),
    ]:
        spent, merit = timed(task, repeats)
        print(f"{name}\t{spent!r}\t{float(merit)!r}")


def report(folder, counts):
    def lines(name, count):
        rows = (line.split("\t") for line in (folder / f"{name}.{count}").read_text().splitlines() if "\t" in line)
        return {row[0]: (float(row[1]), float(row[2])) for row in rows}

    print(f"{'task':<42}{'rows':>8}{'ours ms':>10}{'theirs ms':>12}{'ratio':>8}   ours | theirs")
    for count in counts:
        before, after, theirs = (lines(name, count) for name in ("ours.before", "ours.after", "theirs"))
        for task, (spent, merit) in theirs.items():
            ours = max(before[task][0], after[task][0])
            print(
                f"{task:<42}{count:>8}{ours * 1e3:>10.2f}{spent * 1e3:>12.1f}{spent / ours:>7.0f}×"
                f"   {before[task][1]:.4f} | {merit:.4f}"
            )


def main():
    what, folder, rest = sys.argv[1], Path(sys.argv[2]), [int(count) for count in sys.argv[3:]]
    if what == "data":
        data(folder, rest)
    elif what == "time":
        peers(folder, rest[0])
    else:
        report(folder, rest)


main()
