"""What people in 婺川市 are called, including the characters and surnames that break careless systems.

Rare characters outside the first Unicode plane and compound surnames are real people's names; a form that cannot hold
them turns those people away.
"""

SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕单解仇区查朴翟")
COMPOUND_SURNAMES = ("欧阳", "尉迟", "司马", "上官", "诸葛", "慕容", "皇甫", "万俟", "令狐", "东方")
WOMENS_CHARACTERS = tuple("芳娜敏静丽艳娟秀英霞萍红玲燕颖慧洁琳雪梅琴云莲倩婷瑶怡佳嘉欣妍诗涵晴月露岚珊")
MENS_CHARACTERS = tuple("伟强磊军勇杰涛明超辉鹏华飞刚平波斌浩宇轩然博文昊天泽瑞晨阳峰志远建国庆东立成俊毅")
CHILDRENS_CHARACTERS = tuple("一安辰沐子若予知言乐清宁棠禾星悦书朗景希初夏筱昕楠舟")
RARE_CHARACTERS = ("㛃", "𬭎", "𫖯", "𠅤", "龘", "䶮")
ONE_COMPOUND_SURNAME_IN = 33
ONE_RARE_CHARACTER_IN = 50
FOREIGN_NAMES = ("MARTIN LUCAS", "GARCIA ELENA DIEGO", "OKAFOR CHIDI", "NOVAK PETR", "SMITH JOHN EDWARD", "ROSSI MARCO")
FOREIGN_NATIONALITIES = ("FRA", "ESP", "NGA", "CZE", "GBR", "ITA")


def surname_of(full_name: str) -> str:
    return full_name[:2] if full_name[:2] in COMPOUND_SURNAMES else full_name[:1]


def surname(chance: int) -> str:
    chance, compound = divmod(chance, ONE_COMPOUND_SURNAME_IN)
    return COMPOUND_SURNAMES[chance % len(COMPOUND_SURNAMES)] if compound == 0 else SURNAMES[chance % len(SURNAMES)]


def given_name(chance: int, characters: tuple[str, ...]) -> str:
    """One or two characters; two are commoner, as they are at any counter."""
    chance, rare = divmod(chance, ONE_RARE_CHARACTER_IN)
    chance, first = divmod(chance, len(characters))
    chance, second = divmod(chance, len(characters))
    last = RARE_CHARACTERS[chance % len(RARE_CHARACTERS)] if rare == 0 else characters[second]
    return last if chance % 5 == 0 else characters[first] + last
