import pytest

from pyflame.data import DataLoader, DistributedSampler


@pytest.mark.parametrize("count, replicas", [(10, 3), (9, 3), (2, 5), (0, 2), (7, 1)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_shares_are_equal_and_cover_everything(count, replicas, shuffle):
    samplers = [DistributedSampler(range(count), replicas, rank, shuffle, seed=4) for rank in range(replicas)]
    shares = [list(sampler) for sampler in samplers]
    assert {len(share) for share in shares} == {len(sampler) for sampler in samplers} == {-(-count // replicas)}
    assert set(sum(shares, [])) == set(range(count))
    if not shuffle:
        order = sum(map(list, zip(*shares)), [])
        assert order == [i % count for i in range(len(order))]


def test_the_end_can_be_left_out():
    shares = [list(DistributedSampler(range(11), 4, rank, shuffle=False, drop_last=True)) for rank in range(4)]
    assert shares == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_epochs_have_orders_that_all_processes_agree_on():
    one, two = (DistributedSampler(range(40), 2, rank, seed=1) for rank in range(2))
    first, again = list(one), list(one)
    assert first == again and not set(first) & set(two)
    loader = DataLoader(range(40), batch_size=5, sampler=one)
    loader.set_epoch(3)
    two.set_epoch(3)
    changed = sum((batch.tolist() for batch in loader), [])
    assert changed != first and sorted(changed + list(two)) == list(range(40))


@pytest.mark.parametrize("replicas, rank", [(None, None), (2, None), (2, 2), (2, -1)])
def test_processes_must_be_told(replicas, rank):
    with pytest.raises(ValueError, match=r"\[DistributedSampler\]"):
        DistributedSampler(range(4), replicas, rank)
