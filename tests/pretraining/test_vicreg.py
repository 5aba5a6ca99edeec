import numpy as np
import pytest
import torch

from lungml.params.pretrain import VicregParams
from lungml.pretraining.vicreg import build_expander, vicreg_terms


def embeddings(seed, count=12, width=5):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_terms_are_those_of_the_paper_written_out():
    """Equations 1 to 5 of arXiv 2105.04906, in loops."""
    first, second = embeddings(0), embeddings(1) * 0.3 + 2
    count, width = first.shape

    def variance(z):
        return np.mean([max(0.0, 1 - np.sqrt(np.var(z[:, j], ddof=1) + 1e-4)) for j in range(width)])

    def covariance(z):
        matrix = np.cov(z, rowvar=False)
        return sum(matrix[i, j] ** 2 for i in range(width) for j in range(width) if i != j) / width

    terms = vicreg_terms(first, second)

    one, other = first.numpy(), second.numpy()
    assert float(terms.invariance) == pytest.approx(((one - other) ** 2).sum() / count / width)
    assert float(terms.variance) == pytest.approx((variance(one) + variance(other)) / 2)
    assert float(terms.covariance) == pytest.approx(covariance(one) + covariance(other))


def test_a_constant_answer_pays_the_whole_variance_term():
    constant = torch.full((8, 4), 3.0)

    terms = vicreg_terms(constant, constant)

    assert float(terms.variance) == pytest.approx(0.99)  # 1 less the root of the small number 1e-4
    assert float(terms.invariance) == float(terms.covariance) == 0
    assert float(terms.deviation) == pytest.approx(0.01)


def test_independent_dimensions_of_unit_spread_that_agree_cost_nothing():
    signs = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)

    terms = vicreg_terms(signs, signs)

    assert float(terms.loss(VicregParams())) == pytest.approx(0)


def test_dimensions_that_repeat_each_other_cost():
    column = embeddings(2, width=1)
    copies = column.repeat(1, 3) / column.std()

    assert float(vicreg_terms(copies, copies).covariance) == pytest.approx(2 * 3 * 2 / 3)


def test_weights_multiply_the_terms():
    terms = vicreg_terms(embeddings(0), embeddings(1))

    loss = terms.loss(VicregParams(invariance=2, variance=3, covariance=5))

    expected = 2 * terms.invariance + 3 * terms.variance + 5 * terms.covariance
    assert float(loss) == pytest.approx(float(expected))


def test_the_slope_is_finite_where_all_embeddings_are_equal():
    constant = torch.zeros(6, 4, requires_grad=True)

    vicreg_terms(constant, constant * 1.0).loss(VicregParams()).backward()

    assert constant.grad.isfinite().all()


def test_the_expander_is_as_wide_as_asked():
    assert build_expander(8, 32)(torch.zeros(3, 8)).shape == (3, 32)
